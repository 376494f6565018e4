"""Writes the GGUF fixtures under fixtures/gguf with the gguf Python package, and the results of the package's reader.

    python -m venv env && env/bin/pip install gguf==0.19.0
    env/bin/python tools/reference/make-gguf-fixtures.py

Every file is a few KB: the models have the structure of real ones and tiny sizes. Data is a fixed byte pattern.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFEndian, GGUFReader, GGUFValueType, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES

PINNED = "0.19.0"
assert version("gguf") == PINNED, f"these fixtures are made with gguf {PINNED}, not {version('gguf')}"
TARGET = Path(__file__).resolve().parents[2] / "fixtures" / "gguf"
PLAIN = {Type.F32: np.float32, Type.F16: np.float16}


def pattern(count):
    return (np.arange(count, dtype=np.uint32) * 37 % 251).astype(np.uint8)


def add(writer, name, shape, kind=Type.F32):
    """Adds a tensor; `shape` is row-major, as in numpy."""
    if kind in PLAIN:
        writer.add_tensor(name, np.arange(int(np.prod(shape)), dtype=PLAIN[kind]).reshape(shape))
        return
    elements, size = GGML_QUANT_SIZES[kind]
    stored = [*shape[:-1], shape[-1] // elements * size]
    writer.add_tensor(name, pattern(int(np.prod(stored))).reshape(stored), raw_dtype=kind)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def vocabulary(writer, count):
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"token {i}" for i in range(count)])
    writer.add_token_types([1] * count)
    writer.add_token_scores([-float(i) for i in range(count)])


def llama(path, endian=GGUFEndian.LITTLE, **split):
    """Writes two layers of Llama with grouped queries and a mixture of types, like quantised files."""
    writer = GGUFWriter(path, "llama", endianess=endian, **split)
    writer.add_name("tiny llama")
    writer.add_context_length(4096)
    writer.add_embedding_length(32)
    writer.add_block_count(1 if endian == GGUFEndian.BIG else 2)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(8)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(8)
    vocabulary(writer, 8)
    big = endian == GGUFEndian.BIG
    kind = (lambda _: Type.F32) if big else (lambda quantised: quantised)
    add(writer, "token_embd.weight", [8, 32], Type.F16)
    add(writer, "output_norm.weight", [32])
    add(writer, "output.weight", [8, 32], kind(Type.Q8_0))
    for layer in range(1 if big else 2):
        block = f"blk.{layer}"
        add(writer, f"{block}.attn_norm.weight", [32])
        add(writer, f"{block}.attn_q.weight", [32, 32], kind(Type.Q4_0))
        add(writer, f"{block}.attn_k.weight", [16, 32], kind(Type.Q4_0))
        add(writer, f"{block}.attn_v.weight", [16, 32], kind(Type.Q5_1 if layer == 0 else Type.Q4_0))
        add(writer, f"{block}.attn_output.weight", [32, 32], kind(Type.Q4_0))
        add(writer, f"{block}.ffn_norm.weight", [32])
        add(writer, f"{block}.ffn_gate.weight", [64, 32], kind(Type.IQ4_NL))
        add(writer, f"{block}.ffn_up.weight", [64, 32], kind(Type.Q5_0))
        add(writer, f"{block}.ffn_down.weight", [32, 64], kind(Type.Q8_0))
    finish(writer)


def value_types(path):
    """Writes every metadata type, an unusual alignment, a tensor of each plain type, and scalars."""
    writer = GGUFWriter(path, "kinds")
    writer.add_custom_alignment(64)
    writer.add_uint8("kinds.uint8", 255)
    writer.add_int8("kinds.int8", -128)
    writer.add_uint16("kinds.uint16", 65535)
    writer.add_int16("kinds.int16", -32768)
    writer.add_uint32("kinds.uint32", 2**32 - 1)
    writer.add_int32("kinds.int32", -(2**31))
    writer.add_float32("kinds.float32", 0.5)
    writer.add_uint64("kinds.uint64", 2**64 - 1)
    writer.add_int64("kinds.int64", -(2**53))
    writer.add_float64("kinds.float64", 1e300)
    writer.add_bool("kinds.bool", True)
    writer.add_string("kinds.string", "\ufeffgrüße \U0001f6a2")
    writer.add_array("kinds.integers", [1, -2, 3])
    writer.add_array("kinds.floats", [0.25, -0.5])
    writer.add_array("kinds.bools", [True, False])
    writer.add_array("kinds.strings", ["", "a", "ü"])
    writer.add_key_value("kinds.bytes", [0, 127, 255], GGUFValueType.ARRAY, GGUFValueType.UINT8)
    writer.add_array("kinds.nested", [[1, 2], [3]])
    writer.add_array("kinds.long", [True] * 5000)
    for kind in (np.float64, np.float32, np.float16, np.int8, np.int16, np.int32, np.int64):
        writer.add_tensor(f"{np.dtype(kind).name}", np.arange(6, dtype=kind).reshape(3, 2))
    writer.add_tensor("four.dimensions", np.zeros([2, 3, 4, 5], dtype=np.int8))
    for kind, (elements, _) in GGML_QUANT_SIZES.items():
        # No file stores Q8_1, and this package counts its block as 40 bytes instead of ggml's 36.
        if (elements > 1 or kind == Type.BF16) and kind != Type.Q8_1:
            add(writer, f"block.{kind.name}", [2, 256], kind)
    finish(writer)


def described(path):
    reader = GGUFReader(path)
    tensors = [
        {
            "name": t.name,
            "type": t.tensor_type.name,
            "shape": [int(size) for size in reversed(t.shape.tolist())],
            "offset": int(t.data_offset),
            "bytes": int(t.n_bytes),
        }
        for t in reader.tensors
    ]
    return {"alignment": int(reader.alignment), "dataOffset": int(reader.data_offset), "tensors": tensors}


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    for old in TARGET.glob("*.gguf"):
        old.unlink()
    llama(TARGET / "tiny-llama.gguf")
    llama(TARGET / "tiny-llama-big-endian.gguf", endian=GGUFEndian.BIG)
    llama(TARGET / "tiny-llama-split.gguf", split_max_tensors=8)
    value_types(TARGET / "value-types.gguf")
    files = {path.name: described(path) for path in sorted(TARGET.glob("*.gguf"))}
    entries = []
    for name, file in files.items():
        rows = ",\n".join(f"    {json.dumps(tensor)}" for tensor in file["tensors"])
        head = f'"alignment": {file["alignment"]}, "dataOffset": {file["dataOffset"]}'
        entries.append(f'  "{name}": {{ {head}, "tensors": [\n{rows}\n  ]}}')
    body = ",\n".join(entries)
    text = f'{{\n "package": "gguf {PINNED}",\n "files": {{\n{body}\n }}\n}}'
    (TARGET / "expected.json").write_text(text + "\n")


main()
