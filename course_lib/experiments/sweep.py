"""The folder of a sweep: a preset, the tokens, and its jobs."""

from dataclasses import dataclass
from pathlib import Path

from course_lib.config import require
from course_lib.experiments import arms, data, documents
from course_lib.experiments.data import Tokens
from course_lib.experiments.job import Labels
from course_lib.experiments.presets import TUNING_SEED, Preset
from course_lib.experiments.training import TrainingJob
from course_lib.files import read_if_whole, write_json
from course_lib.training.distributed import choose_device

SETTINGS = "sweep.json"
OTHER_WEIGHTS = 1_000_000  # added to the seed of the first weights of an arm that repeats another one


@dataclass(frozen=True)
class Sweep:
    """A folder of runs that share a preset and the tokens."""

    folder: Path
    preset: Preset
    tokens: str  # their digest
    vocab_size: int

    def training(
        self, arm: str, seed: int, rate: float, steps: int, splits: tuple[str, ...], widths: str = "matched"
    ) -> TrainingJob:
        """The run of an arm. widths: "matched" gives every arm as many parameters as MHA, "equal" the same d_ff."""
        preset, of = self.preset, arms.arm(arm)
        widths = "matched" if arms.wider(of, preset.d_model) == 0 else widths
        d_ff = arms.matched_d_ff(of, preset.d_model, preset.d_ff) if widths == "matched" else preset.d_ff
        sizes = {"vocab_size": self.vocab_size, "n_layers": preset.n_layers, "d_model": preset.d_model, "d_ff": d_ff}
        return TrainingJob(
            labels=Labels(arm=arm, seed=seed, rate=rate, steps=steps, widths=widths),
            model=arms.model_config(of, **sizes),
            recipe=preset.recipe(seed, rate, steps),
            initial_seed=seed if of.repeats is None else seed + OTHER_WEIGHTS,
            tokens=self.tokens,
            context=preset.context,
            sequences=preset.sequences,
            splits=splits,
            device=preset.device,
            processes=preset.processes,
        )

    def compared(self, arm: str, seed: int, rate: float, steps: int, widths: str = "matched") -> TrainingJob:
        """A run whose loss on the test is a result. It is judged on the tune split too, for choices among arms."""
        return self.training(arm, seed, rate, steps, ("tune", "test"), widths)

    def tuning(self, arm: str, rate: float) -> TrainingJob:
        """A short run that is judged on the tune split alone."""
        return self.training(arm, TUNING_SEED, rate, self.preset.tuning_steps, ("tune",))


def open_sweep(folder: Path, preset: Preset, corpus: str, given: Path | None = None) -> Sweep:
    """Make the folder of a sweep with its tokens, or go on with the one that is there.

    given: a file of tokens to copy, in place of the corpus. Raises ValueError when the folder holds a sweep of other
    sizes or of other tokens, and OSError when it cannot be written.
    """
    path, settings = folder / data.NAME, folder / SETTINGS
    source = given or (path if path.exists() else None)
    tokens = new_tokens(preset, corpus) if source is None else data.read(source)
    if given is not None:
        require_made_for(preset, corpus, tokens, given)
    about = {"preset": preset.sizes(), "corpus": corpus, "tokens": tokens.describe()}
    about["computes on"] = choose_device(preset.device).type
    before = read_if_whole(settings)
    if before is not None:
        require_same(before, about, folder)
    if not path.exists():
        tokens.write(path)
    if before != about:
        write_json(settings, about)
    return Sweep(folder, preset, tokens.digest, len(tokens.vocab))


def new_tokens(preset: Preset, corpus: str) -> Tokens:
    """The tokens that a preset needs of a corpus. Raises ValueError for an unknown corpus."""
    return data.make(documents.load(corpus, preset.documents, preset.longest), preset.vocab_size)


def require_made_for(preset: Preset, corpus: str, tokens: Tokens, file: Path) -> None:
    """Raise ValueError unless the tokens are of this corpus and have as many kinds as the preset says."""
    wanted, got = (documents.named(corpus), preset.vocab_size), (tokens.origin["corpus"], len(tokens.vocab))
    told = "{} with {:,} kinds of tokens".format
    require(wanted == got, f"tokens must be of {told(*wanted)} for preset {preset.name}, got {told(*got)} in {file}")


def require_same(before: dict, about: dict, folder: Path) -> None:
    """Raise ValueError, naming what differs, unless a sweep has the settings of the one in its folder."""
    here, there = (
        {"processes": 1, **each["preset"], "corpus": each["corpus"], "tokens": each["tokens"]["digest"]}
        | {"computes on": each.get("computes on", about["computes on"])}  # sweeps from before do not say it
        for each in (about, before)
    )
    different = [
        f"{name} = {value!r} (there: {there.get(name)!r})" for name, value in here.items() if there.get(name) != value
    ]
    rule = "folder must be empty or hold a sweep that agrees with this one"
    require(not different, f"{rule}, but {folder} differs in {', '.join(different)}; choose another folder")
