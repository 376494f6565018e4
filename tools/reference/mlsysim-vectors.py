"""Writes fixtures/mlsysim/serving-vectors.json: the answers of mlsysim's ServingModel, field by field.

    python -m venv env && env/bin/pip install mlsysim==0.3.0
    env/bin/python tools/reference/mlsysim-vectors.py

Times are in milliseconds, cache and weights in decimal gigabytes; `options` has the keyword arguments of the call as JSON.
`facts` has the records of the package from which the answers follow.
"""

import json
from importlib.metadata import version
from pathlib import Path

from mlsysim import Hardware, Models
from mlsysim.solvers import ServingModel

PINNED = "0.3.0"
assert version("mlsysim") == PINNED, f"this fixture is made with mlsysim {PINNED}, not {version('mlsysim')}"

MODELS = {
    "Llama3_8B": Models.Language.Llama3_8B,
    "Llama3_70B": Models.Language.Llama3_70B,
    "Mixtral_8x7B": Models.Language.Mixtral_8x7B,
    "DeepSeek_V3": Models.Language.DeepSeek_V3,
}
HARDWARE = {
    "H100": Hardware.Cloud.H100,
    "A100": Hardware.Cloud.A100,
    "H200": Hardware.Cloud.H200,
    "MI300X": Hardware.Cloud.MI300X,
}
QUESTIONS = [
    ("Llama3_8B", "H100", 2048, 1, {}),
    ("Llama3_8B", "H100", 2048, 32, {}),
    ("Llama3_8B", "H100", 4096, 32, {}),
    ("Llama3_8B", "H100", 131072, 1, {}),
    ("Llama3_8B", "H100", 131072, 8, {}),
    ("Llama3_8B", "H100", 2048, 1, {"cached_prefix_len": 1024}),
    ("Llama3_8B", "H100", 2048, 1, {"prefill_chunk_tokens": 512}),
    ("Llama3_70B", "H100", 2048, 1, {}),
    ("Llama3_8B", "H100", 2048, 1, {"precision": "fp8"}),
    ("Llama3_8B", "H100", 2048, 1, {"efficiency": 0.35}),
    ("Llama3_8B", "A100", 2048, 1, {}),
    ("Llama3_8B", "H200", 8192, 16, {}),
    ("Llama3_70B", "MI300X", 8192, 1, {}),
    ("Llama3_70B", "MI300X", 32768, 1, {}),
    ("Llama3_8B", "H100", 2048, 1, {"decode_hardware": "H200"}),
    ("Llama3_70B", "H200", 2048, 1, {"draft_model": "Llama3_8B"}),
    ("Mixtral_8x7B", "MI300X", 4096, 4, {}),
    ("DeepSeek_V3", "MI300X", 4096, 4, {"precision": "fp8"}),
]


def facts() -> dict:
    """Returns the records from which the answers are computed, in plain numbers."""
    models = {
        key: {
            "parameters": model.parameters.to("count").magnitude,
            "layers": model.layers,
            "hidden_dim": model.hidden_dim,
            "heads": model.heads,
            "kv_heads": model.kv_heads,
            "head_dim": model.head_dim,
            "kv_lora_rank": model.kv_lora_rank,
            "qk_rope_head_dim": model.qk_rope_head_dim,
        }
        for key, model in MODELS.items()
    }
    hardware = {
        key: {
            "peak_flops": node.compute.peak_flops.to("flop/s").magnitude,
            "precision_flops": {name: rate.to("flop/s").magnitude for name, rate in node.compute.precision_flops.items()},
            "capacity_bytes": node.memory.capacity.to("byte").magnitude,
            "bandwidth_bytes_per_second": node.memory.bandwidth.to("byte/s").magnitude,
            "dispatch_tax_ms": node.dispatch_tax.to("ms").magnitude,
        }
        for key, node in HARDWARE.items()
    }
    return {"models": models, "hardware": hardware}


def vector(model: str, hardware: str, seq_len: int, batch_size: int, options: dict) -> dict:
    named = {"decode_hardware": HARDWARE, "draft_model": MODELS}
    arguments = {name: named[name][value] if name in named else value for name, value in options.items()}
    answer = ServingModel().solve(MODELS[model], HARDWARE[hardware], seq_len, batch_size, **arguments)
    return {
        "model": model,
        "hardware": hardware,
        "seq_len": seq_len,
        "batch_size": batch_size,
        "options": options,
        "ttft_ms": answer.ttft.to("ms").magnitude,
        "itl_ms": answer.itl.to("ms").magnitude,
        "weights_gb": answer.model_weights_size.to("GB").magnitude,
        "kv_gb": answer.kv_cache_size.to("GB").magnitude,
        "util": float(answer.memory_utilization),
        "feasible": bool(answer.feasible),
        "prefill_chunks": answer.prefill_chunks,
        "decode_stall_bound_ms": None if answer.decode_stall_bound is None else answer.decode_stall_bound.to("ms").magnitude,
    }


document = {"package": f"mlsysim {PINNED}", "facts": facts(), "vectors": [vector(*question) for question in QUESTIONS]}
target = Path(__file__).resolve().parents[2] / "fixtures" / "mlsysim" / "serving-vectors.json"
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text(json.dumps(document, indent=2) + "\n")
