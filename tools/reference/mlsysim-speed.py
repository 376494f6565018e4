"""Times mlsysim: reads a line with the number of questions, and prints a line of JSON with count and seconds.

The benchmark `plan` runs it in turns with the planner, with the same questions in the same order: Llama 3.1 8B on an H100
at six sequence lengths and five batch sizes. The import of the package takes longer than all questions and is not timed.
"""

import json
import sys
import time
from importlib.metadata import version

from mlsysim import Hardware, Models
from mlsysim.solvers import ServingModel

LENGTHS = [2048, 4096, 8192, 16384, 32768, 65536]
BATCHES = [1, 2, 4, 8, 16]

questions = [(length, batch) for length in LENGTHS for batch in BATCHES]
model, hardware, solver = Models.Language.Llama3_8B, Hardware.Cloud.H100, ServingModel()

first = solver.solve(model, hardware, *questions[0])
print(
    json.dumps(
        {
            "version": version("mlsysim"),
            "kv_bytes": first.kv_cache_size.to("byte").magnitude,
            "ttft_ms": first.ttft.to("ms").magnitude,
            "itl_ms": first.itl.to("ms").magnitude,
        }
    ),
    flush=True,
)
for line in sys.stdin:
    count = int(line)
    started = time.perf_counter()
    for index in range(count):
        solver.solve(model, hardware, *questions[index % len(questions)])
    print(json.dumps({"count": count, "seconds": time.perf_counter() - started}), flush=True)
