"""Load one checkpoint in this process, decode from it, and print the figures as JSON: the peak of memory is its own.

    python -m course_lib.bench.load_once '{"folder": ..., "small": ..., "implementation": "course", ...}'

The argument holds the arguments of `run`. What is counted as memory is the resident size that the system reports, at
its peak (VmHWM) less that before loading (VmRSS), as in tests/models/test_loading.py. It includes pages of mapped files
while they are mapped, although the system could take these back. So whoever reads a file as a whole is charged for it,
and whoever keeps weights in a mapped file is charged only when they are first used: `peak_in_use_bytes`, which goes on
to the end of decoding, counts them.
"""

import json
import sys
import warnings
from pathlib import Path
from time import perf_counter as clock

import torch
from torch import Tensor

from course_lib.bench.decode import Runner, step
from course_lib.bench.decode_contenders import Contender, Course, Transformers, Variant, quiet_transformers
from course_lib.bench.memory import PeakMemory
from course_lib.bench.siblings import forget
from course_lib.bench.timing import Timing, time_each
from course_lib.config import LatentConfig, require
from course_lib.files import read_json
from course_lib.models import pretrained
from course_lib.models.inference import finite

WARM_UP = 2  # steps that are not timed


def load_course(folder: Path, dtype: torch.dtype, context: int) -> Course:
    """The course's model, decoding in the form that it chooses by default after `context` tokens."""
    model = pretrained.load(folder, dtype=dtype).model
    form, layer = "grouped", model.blocks[0].attention
    if isinstance(layer.config, LatentConfig):
        form = "absorbed" if layer.absorbs(1, context) else "expanded"
    return Course(model, Variant("course", "", {}, form, form))


def load_transformers(folder: Path, dtype: torch.dtype, context: int) -> Transformers:
    """The model of transformers, which makes keys and values of all heads from a latent cache in each step."""
    model = quiet_transformers().AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval().requires_grad_(False)
    form = "expanded" if hasattr(model.config, "kv_lora_rank") else "grouped"
    return Transformers(model, "dynamic", Variant("transformers", "", {}, form, form))


IMPLEMENTATIONS = {"course": load_course, "transformers": load_transformers}


@torch.inference_mode()
def run(folder: Path, small: Path, implementation: str, dtype: str, prompt: int, new: int) -> dict:
    """Load the checkpoint in `folder` and decode greedily: seconds, bytes and tokens.

    small: a small checkpoint of the same kind. It is loaded first, since code is loaded with the first model.
    prompt, new: numbers of tokens that are read, and of steps that are timed after it.
    Raises ValueError for another implementation, for logits that are not finite, and without the package transformers.
    """
    known = implementation in IMPLEMENTATIONS
    require(known, f"implementation must be one of {', '.join(IMPLEMENTATIONS)}, got {implementation!r}")
    load, context, dtype = IMPLEMENTATIONS[implementation], prompt + WARM_UP + new, getattr(torch, dtype)
    decode(load(small, dtype, context), small, prompt, 1)
    forget(folder)
    with PeakMemory() as in_use:
        with PeakMemory() as loading:
            start = clock()
            contender = load(folder, dtype, context)
            seconds = clock() - start
        runner, first, steps = decode(contender, folder, prompt, new)
    finite(torch.stack(runner.logits))
    return {
        "form": contender.form,
        "parameters": sum(weight.numel() for weight in contender.model.parameters()),
        "weights_bytes": sum(weight.nbytes for weight in contender.model.parameters()),
        "load_s": seconds,
        "peak_bytes": loading.peak,
        "peak_in_use_bytes": in_use.peak,
        "first_token_s": seconds + first,
        "tokens_per_second": 1 / steps.median,
        "cache_bytes": contender.cache_bytes,
        "tokens": [int(logits.argmax()) for logits in runner.logits],
    }


def decode(contender: Contender, folder: Path, prompt: int, new: int) -> tuple[Runner, float, Timing]:
    """Read a random prompt and decode: the logits met, seconds of the prompt, and of each of the `new` last steps."""
    vocabulary = read_json(folder / "config.json")["vocab_size"]
    tokens = torch.randint(vocabulary, (1, prompt), generator=torch.Generator().manual_seed(prompt))
    chosen: list[Tensor] = []  # filled by the steps
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # transformers warns of renamed arguments
        start = clock()
        runner = Runner(contender, 0.0, None, [contender.prefill(tokens, WARM_UP + new)])
        seconds = clock() - start
        return runner, seconds, time_each([lambda: step(runner, chosen)] * (WARM_UP + new), WARM_UP)


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    torch.set_num_threads(asked.pop("threads"))
    try:
        found = run(Path(asked.pop("folder")), Path(asked.pop("small")), **asked)
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(json.dumps(found))
