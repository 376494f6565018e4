"""Vidur as a process under measurement; benchmarks/simulate/beside-vidur.ts defines the protocol.

    python simulate.py VIDUR QUESTION.json

The question names a trace, a table of step times and the limits of a scheduler. The script runs Vidur's event loop with its
Sarathi scheduler (decodes first, prompts in chunks) and prints the processor time of the loop and the times of the requests.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import sys
import tempfile
import time

vidur_folder, question_path = sys.argv[1:3]
sys.path.insert(0, os.path.abspath(vidur_folder))

from vidur.config import (  # noqa: E402
    ClusterConfig,
    MetricsConfig,
    ReplicaConfig,
    SarathiSchedulerConfig,
    SimulationConfig,
    TraceRequestGeneratorConfig,
)
from vidur.entities import Batch, ExecutionTime, Request  # noqa: E402
from vidur.execution_time_predictor import (  # noqa: E402
    BaseExecutionTimePredictor,
    ExecutionTimePredictorRegistry,
)
from vidur.request_generator import RequestGeneratorRegistry  # noqa: E402
from vidur.request_generator.base_request_generator import BaseRequestGenerator  # noqa: E402
from vidur.simulator import Simulator  # noqa: E402
from vidur.types import ExecutionTimePredictorType, RequestGeneratorType  # noqa: E402

logging.disable(logging.INFO)


class StepTable(BaseExecutionTimePredictor):
    """Answers the seconds of a step from a table by its tokens."""

    seconds: list[float] = []

    def get_execution_time(self, batch: Batch, pipeline_stage: int) -> ExecutionTime:
        milliseconds = self.seconds[batch.total_num_tokens] * 1e3
        layers = self._num_layers_per_pipeline_stage
        return ExecutionTime(layers, milliseconds / layers, *([0] * 18))


# The operations of a layer, which a table of whole steps does not have.
StepTable.__abstractmethods__ = frozenset()


class Trace(BaseRequestGenerator):
    """Reads the trace as Python numbers; Vidur's own reader gives numbers of numpy, with which its loop is slower."""

    def generate_requests(self) -> list[Request]:
        with open(self.config.trace_file) as file:
            next(file)
            rows = [line.split(",") for line in file]
        return [Request(float(at), int(prompt), int(output)) for at, prompt, output in rows]


def register(registry: type, kind: object, implementation: type) -> None:
    registry.unregister(kind)
    registry.register(kind, implementation)


def simulator_of(question: dict, folder: str) -> Simulator:
    config = SimulationConfig(
        cluster_config=ClusterConfig(
            num_replicas=1,
            replica_config=ReplicaConfig(model_name="meta-llama/Llama-2-7b-hf", device="a100"),
            replica_scheduler_config=SarathiSchedulerConfig(
                batch_size_cap=question["batchMax"],
                block_size=question["blockTokens"],
                watermark_blocks_fraction=0,
                num_blocks=question["blocks"],
                chunk_size=question["stepTokensMax"],
            ),
        ),
        request_generator_config=TraceRequestGeneratorConfig(
            trace_file=question["trace"],
            prefill_scale_factor=1,
            decode_scale_factor=1,
            time_scale_factor=1,
            max_tokens=question["contextMax"],
        ),
        metrics_config=MetricsConfig(
            write_metrics=question["metrics"],
            store_plots=False,
            enable_chrome_trace=False,
            output_dir=folder,
            cache_dir=folder,
        ),
    )
    return Simulator(config)


def main() -> None:
    with open(question_path) as file:
        question = json.load(file)
    StepTable.seconds = question["stepSeconds"]
    register(ExecutionTimePredictorRegistry, ExecutionTimePredictorType.RANDOM_FORREST, StepTable)
    register(RequestGeneratorRegistry, RequestGeneratorType.TRACE_REPLAY, Trace)
    with tempfile.TemporaryDirectory() as folder:
        # Vidur prints its configuration.
        with contextlib.redirect_stdout(sys.stderr):
            simulator = simulator_of(question, folder)
            # Its report is no part of the measurement.
            atexit.unregister(simulator._write_output)
            requests = [event._request for _, event in simulator._event_queue]
            start = time.process_time()
            simulator.run()
            seconds = time.process_time() - start
    times = [
        [
            request.prefill_completed_at - request.arrived_at,
            (request.completed_at - request.prefill_completed_at) / (request.num_decode_tokens - 1),
        ]
        for request in requests
    ]
    json.dump({"processorSeconds": seconds, "times": times}, sys.stdout)


main()
