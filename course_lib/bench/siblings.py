"""Checkpoints at the sizes of four published models, with random weights, in the layout that Hugging Face publishes.

A sibling has the config.json of the published model, without the keys that name files of code. Only numbers are random.
"""

import errno
import math
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from course_lib.accounting import in_decimal_units
from course_lib.config import ModelConfig, require
from course_lib.files import replacing, write_json
from course_lib.models.pretrained.files import Shape
from course_lib.models.pretrained.loading import recognise
from course_lib.models.pretrained.settings import Settings

SHARD = 10**9  # bytes of tensors in a file, unless one tensor alone has more
STORED = torch.bfloat16
BESIDES = 2**26  # bytes kept free for headers, index and config.json
INDEX = "model.safetensors.index.json"


@dataclass(frozen=True)
class Sibling:
    """A published model: its config.json, and what changes in a small model of the same kind."""

    name: str
    config: dict
    source: str  # the published model
    small: dict
    whole: int | None = None  # layers of the published model, if `config` has fewer

    @property
    def layers(self) -> int:
        return self.config["num_hidden_layers"]

    @property
    def model(self) -> ModelConfig:
        """The config of the course's model."""
        return model_config(self.config)

    @property
    def published(self) -> ModelConfig:
        """The same with all layers of the published model."""
        return model_config(self.config | {"num_hidden_layers": self.whole or self.layers})

    @property
    def small_config(self) -> dict:
        """The config.json of the small model. All sizes are multiples of 8, as grouped products in torch need it."""
        return self.config | SMALL | self.small


SMALL = {"hidden_size": 64, "intermediate_size": 96, "vocab_size": 128, "num_attention_heads": 4}
SMALL |= {"num_hidden_layers": 3, "bos_token_id": 0, "eos_token_id": 1}
LLAMA = {
    "architectures": ["LlamaForCausalLM"], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 128000,
    "eos_token_id": 128001, "head_dim": 64, "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02,
    "intermediate_size": 8192, "max_position_embeddings": 131072, "mlp_bias": False, "model_type": "llama",
    "num_attention_heads": 32, "num_hidden_layers": 16, "num_key_value_heads": 8, "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    },
    "rope_theta": 500000.0, "tie_word_embeddings": True, "torch_dtype": "bfloat16", "use_cache": True,
    "vocab_size": 128256,
}  # fmt: skip
GEMMA = {
    "architectures": ["Gemma3ForCausalLM"], "attention_bias": False, "attention_dropout": 0.0,
    "attn_logit_softcapping": None, "bos_token_id": 2, "cache_implementation": "hybrid", "eos_token_id": [1, 106],
    "final_logit_softcapping": None, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152,
    "initializer_range": 0.02, "intermediate_size": 6912, "max_position_embeddings": 32768,
    "model_type": "gemma3_text", "num_attention_heads": 4, "num_hidden_layers": 26, "num_key_value_heads": 1,
    "pad_token_id": 0, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_local_base_freq": 10000,
    "rope_scaling": None, "rope_theta": 1000000, "sliding_window": 512, "sliding_window_pattern": 6,
    "torch_dtype": "bfloat16", "use_cache": True, "vocab_size": 262144,
}  # fmt: skip
DEEPSEEK = {
    "architectures": ["DeepseekV2ForCausalLM"], "attention_bias": False, "attention_dropout": 0.0,
    "aux_loss_alpha": 0.001, "bos_token_id": 100000, "eos_token_id": 100001, "first_k_dense_replace": 1,
    "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 10944,
    "kv_lora_rank": 512, "max_position_embeddings": 163840, "model_type": "deepseek_v2",
    "moe_intermediate_size": 1408, "moe_layer_freq": 1, "n_group": 1, "n_routed_experts": 64, "n_shared_experts": 2,
    "norm_topk_prob": False, "num_attention_heads": 16, "num_experts_per_tok": 6, "num_hidden_layers": 8,
    "num_key_value_heads": 16, "pretraining_tp": 1, "q_lora_rank": None, "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64, "rms_norm_eps": 1e-06,
    "rope_scaling": {
        "beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 0.707, "mscale_all_dim": 0.707,
        "original_max_position_embeddings": 4096, "type": "yarn",
    },
    "rope_theta": 10000, "routed_scaling_factor": 1.0, "scoring_func": "softmax", "seq_aux": True,
    "tie_word_embeddings": False, "topk_group": 1, "topk_method": "greedy", "torch_dtype": "bfloat16",
    "use_cache": True, "v_head_dim": 128, "vocab_size": 102400,
}  # fmt: skip
FACTORS = [
    1.0591234137867171, 1.1241891283591912, 1.2596935748670968, 1.5380380402321725, 2.093982484148734,
    3.1446935121267696, 4.937952647693647, 7.524541999994549, 10.475458000005451, 13.062047352306353,
    14.85530648787323, 15.906017515851266, 16.461961959767827, 16.740306425132907, 16.87581087164081,
    16.940876586213285,
]  # fmt: skip
MINICPM = {
    "architectures": ["MiniCPM3ForCausalLM"], "bos_token_id": 1, "dim_model_base": 256, "eos_token_id": [2, 73440],
    "hidden_act": "silu", "hidden_size": 2560, "initializer_range": 0.1, "intermediate_size": 6400,
    "kv_lora_rank": 256, "max_position_embeddings": 32768, "model_type": "minicpm3", "num_attention_heads": 40,
    "num_hidden_layers": 62, "num_key_value_heads": 40, "q_lora_rank": 768, "qk_nope_head_dim": 64,
    "qk_rope_head_dim": 32, "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "long_factor": FACTORS, "original_max_position_embeddings": 32768, "short_factor": FACTORS, "type": "longrope",
    },
    "scale_depth": 1.4, "scale_emb": 12, "torch_dtype": "bfloat16", "use_cache": True, "vocab_size": 73448,
}  # fmt: skip
SIBLINGS = {
    sibling.name: sibling
    for sibling in (
        Sibling("llama-3.2-1b", LLAMA, "meta-llama/Llama-3.2-1B", {"head_dim": 16, "num_key_value_heads": 2}),
        Sibling(
            "gemma-3-1b",
            GEMMA,
            "google/gemma-3-1b-it",
            {"head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 8, "sliding_window_pattern": 2},
        ),
        # All 27 layers take 31 GB in bfloat16. With 8, one dense and seven of experts, they take 9 GB.
        Sibling(
            "deepseek-v2-lite",
            DEEPSEEK,
            "deepseek-ai/DeepSeek-V2-Lite",
            {"num_key_value_heads": 4, "kv_lora_rank": 24, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8}
            | {"v_head_dim": 16, "n_routed_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32},
            whole=27,
        ),
        # The rotary width stays, since each factor of its positions belongs to one pair of coordinates.
        Sibling(
            "minicpm3-4b",
            MINICPM,
            "openbmb/MiniCPM3-4B",
            {"num_key_value_heads": 4, "kv_lora_rank": 24, "q_lora_rank": 32, "qk_nope_head_dim": 16},
        ),
    )
}


def find(name: str) -> Sibling:
    """The sibling of this name. Raises ValueError for another name."""
    require(name in SIBLINGS, f"sibling must be one of {', '.join(SIBLINGS)}, got {name!r}")
    return SIBLINGS[name]


def model_config(config: dict) -> ModelConfig:
    """The course's config for a config.json. Raises ValueError for one that `pretrained.load` refuses."""
    return recognise(Settings(config)).config


def shapes(config: dict) -> dict[str, Shape]:
    """The shape of each tensor in a checkpoint of this config.json, by its published name."""
    return {name: shape for rule in recognise(Settings(config)).rules for name, shape in rule.sources.items()}


def stored_bytes(shape: Shape) -> int:
    """Bytes of a tensor of this shape in a file."""
    return math.prod(shape) * STORED.itemsize


def write(config: dict, folder: Path, seed: int = 0) -> int:
    """Write a checkpoint of random bfloat16 weights: config.json, shards and their index. Return bytes of all tensors.

    Memory is needed for one shard at a time. Each file appears whole or not at all, the index last.
    Raises OSError, before anything is written, when the disk has too little room.
    """
    wanted, random = shapes(config), torch.Generator().manual_seed(seed)
    total = sum(map(stored_bytes, wanted.values()))
    folder.mkdir(parents=True, exist_ok=True)
    require_room(folder, total + BESIDES)
    write_json(folder / "config.json", config)
    parts = list(split(wanted))
    places: dict[str, str] = {}
    for number, names in enumerate(parts, start=1):
        file = f"model-{number:05}-of-{len(parts):05}.safetensors"
        write_shard(folder / file, {name: random_tensor(wanted[name], random) for name in names})
        places |= dict.fromkeys(names, file)
    write_json(folder / INDEX, {"metadata": {"total_size": total}, "weight_map": places})
    return total


def split(wanted: dict[str, Shape]) -> Iterator[list[str]]:
    """The names in their order, in groups of at most SHARD bytes, or of one larger tensor."""
    names: list[str] = []
    size = 0
    for name, shape in wanted.items():
        if names and size + stored_bytes(shape) > SHARD:
            yield names
            names, size = [], 0
        names.append(name)
        size += stored_bytes(shape)
    yield names


def random_tensor(shape: Shape, random: torch.Generator) -> Tensor:
    """Random weights: gains around 1, and matrices (outputs, inputs) that keep the size of the rows they multiply.

    transformers starts with smaller matrices. With those all logits are nearly alike, and any error changes the token.
    """
    x = torch.empty(shape, dtype=STORED)
    if len(shape) == 1:
        return x.uniform_(0.5, 1.5, generator=random)
    return x.normal_(0, shape[-1] ** -0.5, generator=random)


def write_shard(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write one safetensors file and wait until it lies on the disk. Raises OSError when it cannot be written."""
    with replacing(path) as temporary:
        try:
            save_file(tensors, temporary, {"format": "pt"})
        except SafetensorError as error:  # it wraps the errors of the system
            raise OSError(errno.EIO, f"cannot write {path}: {error}") from error
        with temporary.open("rb+") as file:  # Windows refuses what is open for reading only
            os.fsync(file.fileno())  # a later measurement shall not meet the disk still writing


def require_room(folder: Path, size: int) -> None:
    """Raise OSError unless `size` bytes are free in the folder."""
    free = shutil.disk_usage(folder).free
    if free < size:
        needs, has = in_decimal_units(size), in_decimal_units(free)
        raise OSError(errno.ENOSPC, f"folder {folder} must have {needs} free for the checkpoint, got {has}")


def forget(folder: Path) -> None:
    """Ask the system to drop the folder's files from its cache, so that the next reader gets them from the disk.

    Linux drops pages that are written and that no process maps. Other systems are not asked.
    """
    if hasattr(os, "posix_fadvise"):
        for path in folder.iterdir():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
