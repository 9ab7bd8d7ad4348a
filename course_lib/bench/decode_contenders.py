"""The contenders of the decoding benchmark: the course and transformers, with the same weights in every variant."""

import tempfile
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from course_lib.kernels import cpu
from course_lib.models import DecoderModel, pretrained
from course_lib.packages import install_command

SIZES = {
    "vocab_size": 1000,
    "hidden_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 16,
    "intermediate_size": 2048,
    "max_position_embeddings": 2**17,
    "tie_word_embeddings": True,
}
LATENT = {"kv_lora_rank": 128, "qk_rope_head_dim": 16, "qk_nope_head_dim": 32, "v_head_dim": 32, "q_lora_rank": None}
DENSE = {"first_k_dense_replace": SIZES["num_hidden_layers"]}  # so that no layer is a mixture of experts


@dataclass(frozen=True)
class Variant:
    """A variant of attention, as a model of transformers that the course can load."""

    name: str
    family: str  # its class in transformers is FAMILYForCausalLM
    sizes: dict  # arguments of its config, beside SIZES
    form: str  # of the course's attention in a decode step
    their_form: str  # of that of transformers


VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("mha", "Llama", {"num_key_value_heads": 16}, "grouped", "grouped"),
        Variant("gqa", "Llama", {"num_key_value_heads": 4}, "grouped", "grouped"),
        Variant("mla", "DeepseekV2", {"num_key_value_heads": 16} | LATENT | DENSE, "absorbed", "expanded"),
    )
}


class Contender(Protocol):
    """What the benchmark asks of an implementation, which holds its own cache."""

    name: str
    form: str

    def prefill(self, tokens: Tensor, room: int) -> Tensor:
        """Read tokens (1, N) into a new cache with room for `room` more; return the logits (vocab,) of the next one."""

    def step(self, token: Tensor) -> Tensor:
        """Read one more token (1, 1); return the logits (vocab,) of the next one."""

    def clear(self) -> None:
        """Free the memory of the cache."""

    @property
    def cache_bytes(self) -> int:
        """Bytes of the tensors in the cache, unused room included."""


class Course:
    """The course, with caches of fixed size, read grouped or absorbed."""

    name = "course"

    def __init__(self, model: DecoderModel, variant: Variant):
        self.model, self.form, self.caches = model, variant.form, []

    def prefill(self, tokens: Tensor, room: int) -> Tensor:
        self.caches = self.model.new_caches(tokens.shape[1] + room)
        return self.model.prefill(tokens, self.caches)[0]

    def step(self, token: Tensor) -> Tensor:
        return self.model.decode(token, self.caches)[0]

    def clear(self) -> None:
        self.caches = []

    @property
    def cache_bytes(self) -> int:
        return sum(cache.nbytes for cache in self.caches)


class PlainCourse(Course):
    """The course with everything computed in the plain way, as under COURSE_CPU=plain."""

    name = "plain-course"

    def prefill(self, tokens: Tensor, room: int) -> Tensor:
        with cpu.plain():
            return super().prefill(tokens, room)

    def step(self, token: Tensor) -> Tensor:
        with cpu.plain():
            return super().step(token)


class Transformers:
    """The package transformers, with its dynamic or its static cache."""

    def __init__(self, model, kind: str, variant: Variant):
        self.model, self.kind, self.form = model, kind, variant.their_form
        self.name, self.cache = f"transformers-{kind}", None

    def prefill(self, tokens: Tensor, room: int) -> Tensor:
        self.cache = self.new_cache(tokens.shape[1] + room)
        return self.step(tokens)

    def new_cache(self, capacity: int):
        import transformers

        if self.kind == "dynamic":
            return transformers.DynamicCache(config=self.model.config)
        return transformers.StaticCache(config=self.model.config, max_cache_len=capacity)

    def step(self, token: Tensor) -> Tensor:
        return self.model(token, past_key_values=self.cache, use_cache=True, logits_to_keep=1).logits[0, -1]

    def clear(self) -> None:
        self.cache = None

    @property
    def cache_bytes(self) -> int:
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in self.cache.layers)


def contenders(variant: Variant, sizes: dict = SIZES) -> tuple[DecoderModel, list[Contender]]:
    """The course's model of a variant, and all contenders with its weights, the course first.

    Raises ValueError without the package transformers.
    """
    theirs = random_model(variant, sizes)
    with tempfile.TemporaryDirectory(prefix="course-bench-") as folder:
        theirs.save_pretrained(folder)
        ours = pretrained.load(folder).model
    peers = [Transformers(theirs, kind, variant) for kind in ("dynamic", "static")]
    return ours, [Course(ours, variant), PlainCourse(ours, variant), *peers]


def random_model(variant: Variant, sizes: dict):
    """A model of transformers with random weights, larger than its own: with those all keys are nearly alike.

    Raises ValueError without the package transformers.
    """
    transformers = quiet_transformers()
    config = getattr(transformers, variant.family + "Config")(**sizes, **variant.sizes)
    model = getattr(transformers, variant.family + "ForCausalLM")(config).eval().requires_grad_(False)
    random = torch.Generator().manual_seed(0)
    for weight in model.parameters():
        if weight.ndim == 2:
            weight.normal_(std=weight.shape[-1] ** -0.5, generator=random)
    return model


def quiet_transformers():
    """The package transformers, without its remarks and progress bars. Raises ValueError without the package."""
    try:
        import transformers
    except ImportError as error:
        raise ValueError(f"the benchmark needs transformers; `{install_command('test')}` brings it") from error
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers
