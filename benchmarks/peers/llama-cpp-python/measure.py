"""llama.cpp as a process under measurement; benchmarks/engine/measured-process.ts defines the protocol.

The script calls the C functions directly, without the upper layers of the Python package, so that it measures llama.cpp
and one call per token. All settings but threads and sizes have their defaults: f16 cache, flash attention auto.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time

import llama_cpp as c


@c.llama_log_callback
def be_quiet(level: int, text: bytes, user_data: ctypes.c_void_p) -> None:
    """Prints only errors (level 4)."""
    if level == 4:
        sys.stderr.write(text.decode("utf-8", "replace"))


def start(path: str, settings: dict[str, int]) -> tuple[c.llama_model_p, c.llama_context_p]:
    model_params = c.llama_model_default_params()
    model_params.n_gpu_layers = 0
    model = c.llama_model_load_from_file(path.encode(), model_params)
    if not model:
        sys.exit("llama.cpp could not load the model")
    params = c.llama_context_default_params()
    params.n_ctx = settings["context"]
    params.n_batch = params.n_ubatch = settings["batch"]
    params.n_threads = params.n_threads_batch = settings["threads"]
    context = c.llama_init_from_model(model, params)
    if not context:
        sys.exit("llama.cpp could not make a context")
    return model, context


def decode(context: c.llama_context_p, tokens: list[int]) -> None:
    # The batch holds only a pointer to the ids, so they must outlive the call.
    ids = (c.llama_token * len(tokens))(*tokens)
    status = c.llama_decode(context, c.llama_batch_get_one(ids, len(tokens)))
    if status != 0:
        sys.exit(f"llama_decode gave {status}")


def measure(context: c.llama_context_p, sampler: c.llama_sampler_p, question: dict) -> dict:
    c.llama_memory_clear(c.llama_get_memory(context), True)
    begun = time.perf_counter()
    decode(context, question["prompt"])
    tokens = [c.llama_sampler_sample(sampler, context, -1)]
    first = time.perf_counter()
    for _ in range(question["decode"]):
        decode(context, tokens[-1:])
        tokens.append(c.llama_sampler_sample(sampler, context, -1))
    end = time.perf_counter()
    return {"prefillSeconds": first - begun, "decodeSeconds": end - first, "tokens": tokens}


def main() -> None:
    path, settings = sys.argv[1], json.loads(sys.argv[2])
    c.llama_log_set(be_quiet, ctypes.c_void_p(0))
    c.llama_backend_init()
    started = time.perf_counter()
    _, context = start(path, settings)
    load_seconds = time.perf_counter() - started
    sampler = c.llama_sampler_init_greedy()
    version = f"{c.__version__}, {c.llama_print_system_info().decode().strip()}"
    print(json.dumps({"name": "llama-cpp-python", "version": version, "loadSeconds": load_seconds}), flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(context, sampler, json.loads(line))), flush=True)


main()
