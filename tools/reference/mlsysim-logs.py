"""Writes fixtures/mlsysim/log-answers.json: mlsysim's predictions for the deployments of start-up logs.

    python -m venv env && env/bin/pip install mlsysim==0.3.0
    node tools/accuracy.ts --vllm vllm.json --llama-cpp llama-cpp.json --mlsysim-questions questions.json
    env/bin/python tools/reference/mlsysim-logs.py questions.json

Each record has two readings. `given`: a TransformerWorkload from the counted parameters, the real head size and the ranks
of latent attention. `imported`: the workload that mlsysim's own Hugging Face import makes from the config. The capacity of
the node is the memory that the engine may use on all its devices together, and the cache has its own precision: mlsysim
knows neither, so this reading favours it.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from mlsysim.core.units import Q_, ureg
from mlsysim.hardware.types import ComputeCore, HardwareNode, MemoryHierarchy
from mlsysim.models import importer
from mlsysim.models.types import TransformerWorkload
from mlsysim.solvers import ServingModel

PINNED = "0.3.0"
assert version("mlsysim") == PINNED, f"this fixture is made with mlsysim {PINNED}, not {version('mlsysim')}"

GIB, MIB = 2**30, 2**20
SHAPE = ["hidden_dim", "heads", "kv_heads", "head_dim", "kv_lora_rank", "qk_rope_head_dim"]


def size(quantity) -> float:
    return quantity.to("byte").magnitude


def given_workload(question: dict):
    if question["parameters"] is None or question["layers"] is None:
        return None
    shape = {name: question[name] for name in SHAPE if question[name] is not None}
    if "heads" not in shape:
        return None
    parameters = question["parameters"] * ureg.count
    return TransformerWorkload(name="log", architecture="Transformer", parameters=parameters, layers=question["layers"], **shape)


def imported_workload(question: dict):
    importer.fetch_hf_config = lambda model_id: question["config"]
    try:
        return importer.import_hf_model("log/log")
    except ValueError:
        return None


def node_of(question: dict) -> HardwareNode:
    return HardwareNode(
        name="log",
        release_year=2024,
        compute=ComputeCore(peak_flops=Q_(question["peak_flops"], "flop/s")),
        memory=MemoryHierarchy(
            capacity=Q_(question["capacity_bytes"], "byte"),
            bandwidth=Q_(question["bandwidth_bytes_per_second"], "byte/s"),
        ),
    )


def vllm_figures(model, question: dict) -> dict:
    precision, kv_precision, devices = question["precision"], question["kv_precision"], question["devices"]
    weights = None if precision is None else size(model.size_in_bytes(precision))
    per_token = None if kv_precision is None else size(model.get_kv_cache_size(1, 1, kv_precision))
    tokens = None
    if question["kv_gib"] is not None and per_token:
        tokens = int(question["kv_gib"] * GIB * devices / per_token)
    fits = None
    if precision is not None:
        fits = bool(ServingModel().solve(model, node_of(question), question["max_model_len"], 1, precision).feasible)
    return {
        "weights_gib": None if weights is None else weights / devices / GIB,
        "kv_cache_gib": None if weights is None else (question["capacity_bytes"] - weights) / devices / GIB,
        "kv_tokens": tokens,
        "fits": fits,
    }


def llama_cpp_figures(model, question: dict) -> dict:
    precision, kv_precision = question["precision"], question["kv_precision"]
    can_cache = kv_precision is not None and question["kv_heads"] is not None and question["max_model_len"] is not None
    return {
        "model_buffers_mib": None if precision is None else size(model.size_in_bytes(precision)) / MIB,
        "kv_self_size_mib": size(model.get_kv_cache_size(question["max_model_len"], 1, kv_precision)) / MIB if can_cache else None,
    }


def answer(question: dict) -> dict:
    figures = vllm_figures if question["kind"] == "vllm" else llama_cpp_figures
    given = given_workload(question)
    imported = imported_workload(question) if question["config"] is not None else None
    return {
        "question": question["question"],
        "given": {} if given is None else figures(given, question),
        "imported": None if imported is None else figures(imported, question),
    }


questions = json.loads(Path(sys.argv[1]).read_text())
lines = ",\n".join(f"    {json.dumps(question['id'])}: {json.dumps(answer(question))}" for question in questions)
text = f'{{\n  "package": "mlsysim {PINNED}",\n  "answers": {{\n{lines}\n  }}\n}}\n'
target = Path(__file__).resolve().parents[2] / "fixtures" / "mlsysim" / "log-answers.json"
target.write_text(text)
