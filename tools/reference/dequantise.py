"""Writes fixtures/kernels/dequantise.json: blocks of every weight format, and their values as the gguf Python package
reads them; and fixtures/kernels/convert.json: the same for formats that the engine converts when it loads them, and rows
with the blocks to which the package quantises them.

    python -m venv env && env/bin/pip install gguf==0.17.1 numpy==2.4.6
    env/bin/python tools/reference/dequantise.py

Quants are random bytes, so that every bit position counts; scales are random finite halves of either sign, among them
zero and a subnormal.
"""

import base64
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize, quantize

PINNED = "0.17.1"
assert version("gguf") == PINNED, f"this fixture is made with gguf {PINNED}, not {version('gguf')}"

# Format name, blocks, and byte offsets of the f16 scales inside a block.
FORMATS = [
    ("F32", 64, None),
    ("F16", 64, None),
    ("BF16", 64, None),
    ("Q8_0", 6, [0]),
    ("Q4_0", 6, [0]),
    ("Q4_K", 3, [0, 2]),
    ("Q5_K", 3, [0, 2]),
    ("Q6_K", 3, [208]),
    ("Q4_1", 6, [0, 2]),
    ("Q5_1", 6, [0, 2]),
    ("Q5_0", 6, [0]),
]

CONVERTED = [
    ("IQ4_NL", 6, [0]),
    ("Q3_K", 3, [108]),
]
QUANTISED = ["F16", "BF16", "Q8_0", "Q4_0"]


def blocks(random, name, count, scales):
    """Returns random blocks, [count, block bytes] of uint8."""
    elements, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    if scales is None:
        values = random.standard_normal(count * elements).astype(np.float32)
        if name == "F32":
            return values.view(np.uint8).reshape(count, size)
        if name == "F16":
            halves = values.astype(np.float16)
            halves[:3] = [0.0, 5.9604645e-08, -65504.0]
            return halves.view(np.uint8).reshape(count, size)
        return (values.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8).reshape(count, size)
    data = random.integers(0, 256, (count, size), dtype=np.uint8)
    for offset in scales:
        halves = (random.standard_normal(count) * 0.02).astype(np.float16)
        halves[0] = 0.0 if offset == 2 else 3e-06
        data[:, offset : offset + 2] = halves.view(np.uint8).reshape(count, 2)
    return data


def base64_of(values):
    return base64.b64encode(values.tobytes()).decode()


def dequantised(random, formats):
    entries = {}
    for name, count, scales in formats:
        data = blocks(random, name, count, scales)
        values = dequantize(data.reshape(1, -1), GGMLQuantizationType[name]).astype(np.float32).reshape(-1)
        key = name.lower() if "_K" not in name else name.lower()[:-1] + "K"
        entries[key] = {"blocks": base64_of(data), "values": base64_of(values)}
    return entries


def quantised(random):
    """Returns ordinary rows, a block of zeros, a block with a single value, and ties."""
    values = random.standard_normal((8, 32)).astype(np.float32)
    values[1] = 0
    values[2, 1:] = 0
    values[3] = np.arange(32, dtype=np.float32) - 15.5
    values[4] = 127 - np.arange(32, dtype=np.float32) * 0.5
    return {
        "values": base64_of(values),
        "blocks": {
            name.lower(): base64_of(quantize(values.reshape(1, -1), GGMLQuantizationType[name]))
            for name in QUANTISED
        },
    }


def write(name, content):
    target = Path(__file__).resolve().parents[2] / "fixtures" / "kernels" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({"package": f"gguf {PINNED}", **content}, indent=2) + "\n")


write("dequantise.json", {"formats": dequantised(np.random.default_rng(20240817), FORMATS)})
random = np.random.default_rng(20240818)
write("convert.json", {"formats": dequantised(random, CONVERTED), "quantised": quantised(random)})
