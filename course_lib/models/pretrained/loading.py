"""Load a model from a folder: everything is checked against the headers of the files before a weight is read."""

import re
from pathlib import Path

import torch

from course_lib.config import require
from course_lib.files import read_json
from course_lib.models.pretrained import bert, deepseek, gemma, gpt2, llama, minicpm3
from course_lib.models.pretrained.config_keys import read_common
from course_lib.models.pretrained.files import Stored, find_tensors
from course_lib.models.pretrained.hub import fetch
from course_lib.models.pretrained.rules import Family
from course_lib.models.pretrained.settings import Settings
from course_lib.models.pretrained.tokens import find_tokenizer
from course_lib.models.pretrained.weights import build, require_dtype
from course_lib.models.shipped import Shipped, describe_model

FAMILIES = {
    "gpt2": gpt2.family,
    "llama": llama.family,
    "mistral": llama.family,
    "qwen2": llama.family,
    "qwen3": llama.family,
    "gemma3_text": gemma.family,
    "gemma3": gemma.text_family,
    "bert": bert.family,
    "roberta": bert.family,
    "xlm-roberta": bert.family,
    "deepseek_v2": deepseek.family,
    "deepseek_v3": deepseek.family,
    "minicpm3": minicpm3.family,
}
# pattern of model_type: what these architectures have and the course's models lack
MISSING = {
    ".*moe|.*mixtral|gpt_oss|dbrx": "of mixtures of experts only DeepSeek's are known here",
    ".*gemma": "of Gemma's models only the text model of Gemma 3 is known here",
    "phi$|gpt_neox$|gptj|stablelm|glm|persimmon": "partial rotation, of some coordinates of a head, is missing here",
}
FLOATS = ("F64", "F32", "F16", "BF16")


def load(path_or_name: str | Path, *, hub: bool = False, dtype: torch.dtype = torch.float32) -> Shipped:
    """Load the model in a folder with config.json and safetensors, or with `hub` the one of this name on the hub.

    The model is in evaluation mode, and has a card that says what it is. The tokenizer needs tokenizer.json and the
    package tokenizers. `course_lib.models.pretrained` says which class the model has.
    dtype: of the parameters, torch.float32 or torch.bfloat16, whatever the files hold. Loading needs little memory
    beside them, and shows a progress bar if it takes longer than two seconds.
    Raises ValueError for files that are missing, damaged or of another model, for a key of config.json that is not
    known, and for what the course's models do not compute: quantised weights, other architectures.
    """
    require_dtype(dtype)
    folder = fetch(str(path_or_name)) if hub else Path(path_or_name)
    settings = read_settings(folder)
    family, tensors = recognise(settings), find_tensors(folder)
    family = family.of_file(tensors)
    model = build(family, match(family, tensors), dtype).eval().requires_grad_(False)
    card = {
        "name": str(path_or_name),
        "summary": f"a published checkpoint of type {settings.get('model_type')}",
        "model": describe_model(model),
        "files": sorted({stored.path.name for stored in tensors.values()}),
    }
    return Shipped(model, find_tokenizer(folder), card)


def read_settings(folder: Path) -> Settings:
    """The settings in a folder's config.json. Raises ValueError for a folder without one."""
    require(
        (folder / "config.json").is_file(),
        f"path must be a folder with config.json, got {str(folder)!r}; `pretrained.load` looks a name up with hub=True",
    )
    return Settings(read_json(folder / "config.json"))


def recognise(settings: Settings) -> Family:
    """The family that config.json describes. Raises ValueError for a key that is not known."""
    kind = settings.get("model_type")
    missing = next((f": {why}" for pattern, why in MISSING.items() if re.match(pattern, str(kind))), "")
    require(
        isinstance(kind, str) and kind in FAMILIES,
        f"model_type in config.json must be one of {', '.join(FAMILIES)}, got {kind!r}{missing}",
    )
    quantised = settings.find("quantization_config")
    method = quantised.get("quant_method") if isinstance(quantised, dict) else quantised
    require(quantised is None, f"parameters must not be quantised, but config.json has quantization_config: {method!r}")
    read_common(settings)
    family = FAMILIES[kind](settings)
    settings.require_known()
    return family


def match(family: Family, tensors: dict[str, Stored]) -> dict[str, list[Stored]]:
    """The tensors of each name in the rules: one, or with its copies several, which must be equal.

    Raises ValueError unless all are there, as wide as config.json says, in floating point, and no others.
    """
    found: dict[str, list[Stored]] = {}
    named = [(standard_name(family, name), stored) for name, stored in tensors.items()]
    for name, stored in sorted(named, key=lambda pair: pair[0] in family.copies):  # originals first
        if not re.fullmatch(family.unused, name):
            found.setdefault(family.copies.get(name, name), []).append(stored)
    wanted = {name: shape for rule in family.rules for name, shape in rule.sources.items()}
    missing = [name for name in wanted if name not in found]
    require(not missing, f"the file must hold the tensor {missing[:1]}; {len(missing)} of {len(wanted)} are missing")
    for name, places in found.items():
        for stored in places:
            check(stored, wanted.get(name))
    return found


def standard_name(family: Family, name: str) -> str:
    """The name with the prefix that some files leave out, and today's place of parts and today's names in a norm."""
    for pattern, replacement in family.renamed:
        name = re.sub(f"^{pattern}", replacement, name)
    name = re.sub(r"\.gamma$", ".weight", re.sub(r"\.beta$", ".bias", name))
    return name if name.startswith((family.prefix, *family.heads)) else family.prefix + name


def check(stored: Stored, shape: tuple[int, ...] | None) -> None:
    """Raises ValueError for a tensor that is not expected, has another shape, or is quantised."""
    where = f"the tensor {stored.name!r} in {stored.path.name}"
    expert = re.search(r"\bexperts?\b|\.gate\.weight$", stored.name) is not None
    require(shape is not None or not expert, f"{where} belongs to a mixture of experts, and config.json states none")
    require(shape is not None, f"{where} is not expected in a model of this config.json")
    require(
        stored.dtype in FLOATS,
        f"{where} must be of one of the types {', '.join(FLOATS)}, not quantised, got {stored.dtype}",
    )
    require(stored.shape == shape, f"{where} must have shape {shape} by config.json, got {stored.shape}")
