"""Writes fixtures/mlsysim/kv-cache-tutorial.json: the cells of mlsysim's tutorial 03_kv_cache, with its exercises.

    python -m venv env && env/bin/pip install mlsysim==0.3.0
    env/bin/python tools/reference/mlsysim-tutorial.py

Three cells of the page use names that 0.3.0 no longer has (Models.Llama3_8B, ServingModel of the package, seq_len of
ContinuousBatchingModel). Here they have the names of 0.3.0. Sizes are in bytes, times in seconds.
"""

import json
from importlib.metadata import version
from pathlib import Path

from mlsysim import Hardware, Models
from mlsysim.solvers import ContinuousBatchingModel, ServingModel

PINNED = "0.3.0"
assert version("mlsysim") == PINNED, f"this fixture is made with mlsysim {PINNED}, not {version('mlsysim')}"

LLAMA_8B, LLAMA_70B = Models.Language.Llama3_8B, Models.Language.Llama3_70B
H100, H200 = Hardware.Cloud.H100, Hardware.Cloud.H200


def serving(model, hardware, seq_len: int, batch_size: int, precision: str = "fp16") -> dict:
    answer = ServingModel().solve(model, hardware, seq_len, batch_size, precision=precision)
    return {
        "seq_len": seq_len,
        "batch_size": batch_size,
        "weight_bytes": answer.model_weights_size.to("byte").magnitude,
        "kv_bytes": answer.kv_cache_size.to("byte").magnitude,
        "utilization": float(answer.memory_utilization),
        "feasible": bool(answer.feasible),
        "ttft_seconds": answer.ttft.to("second").magnitude,
        "itl_seconds": answer.itl.to("second").magnitude,
    }


def paged(seq_len: int, page_size: int, max_batch_size: int) -> dict:
    answer = ContinuousBatchingModel().solve(
        LLAMA_8B, H100, max_seq_len=seq_len, max_batch_size=max_batch_size, page_size=page_size
    )
    return {
        "seq_len": seq_len,
        "page_size": page_size,
        "max_batch_size": max_batch_size,
        "users": answer.max_active_requests,
        "fragmentation": answer.paged_internal_fragmentation,
        "tokens_per_second": answer.throughput_tokens_per_sec,
        "speedup": answer.speedup_vs_static,
    }


def users_that_fit(hardware, seq_len: int, precision: str) -> int:
    users = 0
    while serving(LLAMA_8B, hardware, seq_len, users + 1, precision)["feasible"]:
        users += 1
    return users


document = {
    "package": f"mlsysim {PINNED}",
    "one_user": serving(LLAMA_8B, H100, 2048, 1),
    "batches": [serving(LLAMA_8B, H100, 2048, batch) for batch in (1, 4, 8, 16, 32, 64, 128)],
    "contexts": [serving(LLAMA_8B, H100, length, 8) for length in (512, 2048, 8192, 32768, 65536, 131072)],
    "longest_user": serving(LLAMA_8B, H100, 131072, 1),
    "paged": [paged(4096, page, 32) for page in (2048, 16, 64)],
    "exercise_1": serving(LLAMA_70B, H100, 4096, 1),
    "exercise_2": {precision: users_that_fit(H200, 131072, precision) for precision in ("fp16", "int8")},
    "exercise_3": [paged(32768, page, 100_000) for page in (16, 256)],
}
target = Path(__file__).resolve().parents[2] / "fixtures" / "mlsysim" / "kv-cache-tutorial.json"
target.write_text(json.dumps(document, indent=2) + "\n")
