"""How fast each arm trains here: the number of steps of the gpu preset is set from that."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace

import torch

from course_lib.experiments import arms
from course_lib.experiments.catalogue import CORE
from course_lib.experiments.presets import Preset
from course_lib.experiments.run import computing_with
from course_lib.models import DecoderModel
from course_lib.training import NextTokenData, train

WARM_UP, STEPS = 3, 20  # steps before the measured ones, in which memory is reserved and libraries are loaded
COLUMNS = {
    "arm": "{arm}",
    "parameters": "{parameters:,}",
    "tokens per second": "{tokens_per_second:,.0f}",
    "seconds of a run": "{seconds:,.0f}",
}


def measured(preset: Preset, names: Sequence[str] | None = None, threads: int = 1) -> list[dict]:
    """A row for each arm, by default the core arms: see COLUMNS. Raises ValueError for an unknown arm."""
    chosen = [(name, arms.arm(name)) for name in names or preset.chosen(CORE)]
    with computing_with(threads):
        return [row(name, of, preset) for name, of in chosen]


def row(name: str, of: arms.Arm, preset: Preset) -> dict:
    """Train on random tokens: evaluation is left out, the wait for the device is not."""
    d_ff = arms.matched_d_ff(of, preset.d_model, preset.d_ff)
    sizes = {"vocab_size": preset.vocab_size, "n_layers": preset.n_layers, "d_model": preset.d_model, "d_ff": d_ff}
    model = DecoderModel(arms.model_config(of, **sizes))
    text = torch.randint(preset.vocab_size, (2 * preset.context + 1,))
    data = NextTokenData((text, text[:2]), [b"."] * preset.vocab_size, preset.context, preset.sequences)
    for steps in (WARM_UP, STEPS):
        recipe = replace(preset.recipe(0, preset.rates[0], steps), evaluate_every=steps, checkpoint_every=steps)
        with tempfile.TemporaryDirectory() as folder:
            result = train(model, data, recipe, folder, preset.device, ())
    per_second = result.tokens_per_second
    return {
        "arm": name,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_per_second": per_second,
        "seconds": preset.steps * preset.context * preset.sequences / per_second,
    }
