"""Writes the fixtures under fixtures/safetensors with the safetensors Python package.

    python -m venv env && env/bin/pip install safetensors==0.7.0
    env/bin/python tools/reference/make-safetensors-fixtures.py
"""

import json
from importlib.metadata import version
from pathlib import Path

from safetensors import serialize_file

PINNED = "0.7.0"
assert version("safetensors") == PINNED, f"made with safetensors {PINNED}, not {version('safetensors')}"
TARGET = Path(__file__).resolve().parents[2] / "fixtures" / "safetensors"
BYTES = {
    "bool": 1, "uint8": 1, "int8": 1, "float8_e5m2": 1, "float8_e4m3fn": 1, "float8_e8m0fnu": 1,
    "int16": 2, "uint16": 2, "float16": 2, "bfloat16": 2, "int32": 4, "uint32": 4, "float32": 4,
    "complex64": 8, "float64": 8, "int64": 8, "uint64": 8,
}


def tensor(dtype, shape):
    count = 1
    for size in shape:
        count *= size
    return {"dtype": dtype, "shape": shape, "data": bytes(i % 251 for i in range(count * BYTES[dtype]))}


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    kinds = {f"kind.{dtype}": tensor(dtype, [3, 2]) for dtype in BYTES}
    kinds["scalar"] = tensor("float32", [])
    kinds["empty"] = tensor("float32", [0, 4])
    # Two 4-bit elements per byte; the package counts them in the last axis.
    kinds["packed"] = {"dtype": "float4_e2m1fn_x2", "shape": [3, 4], "data": bytes(12)}
    serialize_file(kinds, TARGET / "kinds.safetensors", {"format": "pt", "note": "grüße"})
    model = TARGET / "tiny-llama"
    model.mkdir(exist_ok=True)
    shards = [
        {"model.embed_tokens.weight": tensor("bfloat16", [8, 4]), "model.layers.0.self_attn.q_proj.weight": tensor("bfloat16", [4, 4])},
        {"lm_head.weight": tensor("bfloat16", [8, 4])},
    ]
    weight_map = {}
    for number, shard in enumerate(shards, 1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        serialize_file(shard, model / name, {"format": "pt"})
        weight_map.update({key: name for key in shard})
    index = {"metadata": {"total_size": 160}, "weight_map": weight_map}
    (model / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4, "intermediate_size": 8,
        "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 8,
        "max_position_embeddings": 2048, "torch_dtype": "bfloat16", "tie_word_embeddings": False,
    }
    (model / "config.json").write_text(json.dumps(config, indent=2) + "\n")


main()
