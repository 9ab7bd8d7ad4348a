"""Fetch a checkpoint from the Hugging Face hub. No other module of `course_lib.models` uses the network."""

from pathlib import Path

WANTED = ("config.json", "tokenizer.json", "model.safetensors.index.json", "*.safetensors")


def fetch(name: str) -> Path:
    """The folder of the model called `name` on the Hugging Face hub; what was fetched before is not fetched again.

    Raises ImportError without the package huggingface_hub, ValueError when the model cannot be fetched.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ImportError("fetching a model needs the package huggingface_hub: pip install huggingface_hub") from error
    try:
        folder = snapshot_download(name, allow_patterns=list(WANTED), ignore_patterns=["*/*"])
    except (OSError, ValueError) as error:  # no network, no such model, no permission, not a name
        raise ValueError(f"name must be a model on the hub that can be reached, got {name!r}: {error}") from error
    return Path(folder)
