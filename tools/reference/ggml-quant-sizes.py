"""Writes fixtures/gguf/ggml-quant-sizes.json: the block sizes of the gguf Python package.

    python -m venv env && env/bin/pip install gguf==0.19.0
    env/bin/python tools/reference/ggml-quant-sizes.py
"""

import json
from importlib.metadata import version
from pathlib import Path

from gguf.constants import GGML_QUANT_SIZES

PINNED = "0.19.0"
assert version("gguf") == PINNED, f"this fixture is made with gguf {PINNED}, not {version('gguf')}"

sizes = {t.name: {"id": int(t), "blockElements": e, "blockBytes": b} for t, (e, b) in GGML_QUANT_SIZES.items()}
lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(size)}" for name, size in sizes.items())
text = f'{{\n  "package": "gguf {PINNED}",\n  "sizes": {{\n{lines}\n  }}\n}}\n'
target = Path(__file__).resolve().parents[2] / "fixtures" / "gguf" / "ggml-quant-sizes.json"
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text(text)
