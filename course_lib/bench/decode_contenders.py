"""Who runs in the decoding benchmark: the course and transformers, with the same weights in every variant."""

import tempfile
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from course_lib.layers import cpu
from course_lib.models import DecoderModel, pretrained

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
DENSE = {"first_k_dense_replace": SIZES["num_hidden_layers"]}  # no layer is a mixture of experts


@dataclass(frozen=True)
class Variant:
    """A model of transformers that the course loads as its own."""

    name: str
    family: str  # the class of transformers is FAMILYForCausalLM
    sizes: dict
    reading: str  # how the course reads its cache in a decode step
    their_reading: str  # how transformers does


VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("mha", "Llama", {"num_key_value_heads": 16}, "grouped", "grouped"),
        Variant("gqa", "Llama", {"num_key_value_heads": 4}, "grouped", "grouped"),
        Variant("mla", "DeepseekV2", {"num_key_value_heads": 16} | LATENT | DENSE, "absorbed", "expanded"),
    )
}


class Contender(Protocol):
    """One implementation with its cache."""

    name: str
    reading: str

    def prefill(self, tokens: Tensor, room: int) -> Tensor:
        """Tokens (1, N) into a fresh cache with room for `room` more -> logits (vocab,) of what follows."""

    def step(self, token: Tensor) -> Tensor:
        """One token (1, 1) -> logits (vocab,) of what follows."""

    def clear(self) -> None:
        """Give the memory of the cache back."""

    @property
    def cache_bytes(self) -> int:
        """Bytes of the tensors in the cache, room included."""


class Course:
    """course_lib: a fixed cache, read grouped or absorbed."""

    name = "course"

    def __init__(self, model: DecoderModel, variant: Variant):
        self.model, self.reading, self.caches = model, variant.reading, []

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
    """The course with every step computed in the plain way, as under COURSE_CPU=plain."""

    name = "plain-course"

    def prefill(self, tokens: Tensor, room: int) -> Tensor:
        with cpu.plain():
            return super().prefill(tokens, room)

    def step(self, token: Tensor) -> Tensor:
        with cpu.plain():
            return super().step(token)


class Transformers:
    """The package transformers with one of its caches, dynamic or static."""

    def __init__(self, model, kind: str, variant: Variant):
        self.model, self.kind, self.reading = model, kind, variant.their_reading
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
    """The course's model, and all who run it. Raises ValueError without the package transformers."""
    theirs = random_model(variant, sizes)
    with tempfile.TemporaryDirectory(prefix="course-bench-") as folder:
        theirs.save_pretrained(folder)
        ours = pretrained.load(folder).model
    peers = [Transformers(theirs, kind, variant) for kind in ("dynamic", "static")]
    return ours, [Course(ours, variant), PlainCourse(ours, variant), *peers]


def random_model(variant: Variant, sizes: dict):
    """Of transformers, its weights drawn anew: as it draws them, every key is nearly alike."""
    try:
        import transformers
    except ImportError as error:
        raise ValueError("transformers, to compare with, must be installed: pip install transformers") from error
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    config = getattr(transformers, variant.family + "Config")(**sizes, **variant.sizes)
    model = getattr(transformers, variant.family + "ForCausalLM")(config).eval().requires_grad_(False)
    random = torch.Generator().manual_seed(0)
    for weight in model.parameters():
        if weight.ndim == 2:
            weight.normal_(std=weight.shape[-1] ** -0.5, generator=random)
    return model
