"""Writes fixtures/mlsysim/solver-vectors.json: the answers of mlsysim's small serving models, field by field.

    python -m venv env && env/bin/pip install mlsysim==0.3.0
    env/bin/python tools/reference/mlsysim-solvers.py

Each vector has the class, the arguments as text, and the numbers of the answer: times in seconds, sizes in bytes, money in
US dollars.
"""

import json
from importlib.metadata import version
from pathlib import Path

import mlsysim.solvers as solvers
from mlsysim import Hardware, Models
from mlsysim.core.units import USD, ureg

PINNED = "0.3.0"
assert version("mlsysim") == PINNED, f"this fixture is made with mlsysim {PINNED}, not {version('mlsysim')}"

LLAMA = Models.Language.Llama3_8B
H100 = Hardware.Cloud.H100
byte, second = ureg.byte, ureg.second
per_million = USD / ureg.Mtoken

QUESTIONS = [
    *(
        ("ContinuousBatchingModel", {"model": LLAMA, "hardware": H100, "max_seq_len": 8192, "mean_request_tokens": mean, "max_batch_size": cap, "page_size": page})
        for mean, cap, page in [(2048, 100_000, 16), (2048, 100_000, 2048), (512, 100_000, 256), (2048, 32, 16)]
    ),
    *(
        ("TailLatencyModel", {"arrival_rate_qps": rate, "service_latency_ms": service, "num_replicas": servers})
        for rate, service, servers in [(10, 80, 1), (50, 100, 8), (700, 100, 80), (0.5, 1000, 1)]
    ),
    ("KingmanQueueModel", {"service": 2 * second, "arrival_scv": 1.0, "service_scv": 1.0, "low": 0.5, "high": 0.9, "holding_rate": 1.0}),
    ("KingmanQueueModel", {"service": 2 * second, "arrival_scv": 4.0, "service_scv": 0.25, "low": 0.5, "high": 0.95, "holding_rate": 1.0}),
    ("AllReduceAlgorithmModel", {"message": 64 * ureg.MB, "group_sizes": [2, 8, 64], "alpha": 5e-6 * second, "bandwidth": 450e9 * byte / second}),
    ("HierarchicalAllReduceModel", {"message": 64 * ureg.MB, "n_nodes": 4, "gpus_per_node": 8, "intra_bandwidth": 450e9 * byte / second, "inter_bandwidth": 50e9 * byte / second, "inter_alpha": 5e-6 * second}),
    ("AllToAllDispatchModel", {"total_tokens": 8192, "n_devices": 8, "n_experts": 256, "hidden_dim": 7168, "bytes_per_element": 1 * byte, "alpha": 5e-6 * second, "bandwidth": 450e9 * byte / second, "receive_skew": 1.5}),
    ("KvBlockSharingModel", {"bytes_per_token": 131072 * byte, "pool": 60e9 * byte, "headroom": 0.0, "context": 8192, "output": 1024, "common": 4096, "block_tokens": 16, "generation": 20 * second, "wait": 40 * second}),
    ("PausedKvStateModel", {"bytes_per_token": 131072 * byte, "n_params": 8.03e9 * ureg.count, "sustained_rate": 494.5e12 * ureg.flop / second, "link": 64e9 * byte / second, "context_tokens": 32768, "block_tokens": 16, "wait": 30 * second, "link_fraction": 0.5, "returns": 8}),
    ("PrefixCacheBillModel", {"turns": 20, "first_prompt": 12_000, "appended": 2_000, "output_per_turn": 500, "input_price": 3 * per_million, "cached_fraction": 0.1, "output_price": 15 * per_million, "miss_fraction": 0.05}),
    *(
        ("ServingCapacityModel", {"model": LLAMA, "hardware": H100, "qps": rate, "target_p99_latency_ms": 20_000, "max_seq_len": 2048, "output_tokens": 128, "max_batch_size": 32})
        for rate in (5, 50)
    ),
    ("BatchingOptimizer", {"model": LLAMA, "hardware": H100, "seq_len": 512, "sla_latency_ms": 20_000, "arrival_rate_qps": 2, "max_search_batch": 32}),
    ("SynthesisSolver", {"model": Models.Language.Llama3_70B, "target_latency": 0.05 * second}),
    ("SensitivitySolver", {"model": LLAMA, "hardware": Hardware.Cloud.A100}),
    ("DedicatedBreakEvenModel", {"input_per_output": 4.0, "cached_fraction": 0.5, "input_price": 3.0, "cached_price": 0.3, "output_price": 15.0, "fixed_per_hour": 20.0, "variable_price": 0.2, "reference_rate": 5000 / second, "load": 0.6}),
]

BASE_UNITS = ("second", "byte", "flop/second", "byte/second", "1/second")


def plain(value):
    """Returns numbers in base units, and containers of them."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if not hasattr(value, "magnitude"):
        return value if isinstance(value, (int, float, str, bool)) or value is None else str(value)
    # Pint takes dollars and bytes for the same dimension.
    if "dollar" in str(value.units):
        return value.to("USD").magnitude
    for unit in BASE_UNITS:
        if value.is_compatible_with(unit):
            return value.to(unit).magnitude
    return value.to_base_units().magnitude


def vector(name: str, arguments: dict) -> dict:
    answer = getattr(solvers, name)().solve(**arguments)
    fields = type(answer).model_fields
    return {
        "class": name,
        "arguments": {key: value.name if hasattr(value, "name") else plain(value) for key, value in arguments.items()},
        "answer": {field: plain(getattr(answer, field)) for field in fields if field not in ("constraint_trace", "provenance")},
    }


document = {"package": f"mlsysim {PINNED}", "vectors": [vector(*question) for question in QUESTIONS]}
target = Path(__file__).resolve().parents[2] / "fixtures" / "mlsysim" / "solver-vectors.json"
target.write_text(json.dumps(document, indent=2) + "\n")
