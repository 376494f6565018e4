"""llama.cpp's own HTTP server from the prebuilt wheel of xllamacpp, with the flags of llama-server that the benchmark uses."""

import argparse
import signal
import sys

import xllamacpp

flags = argparse.ArgumentParser()
flags.add_argument("-m", required=True)
flags.add_argument("--host", required=True)
flags.add_argument("--port", type=int, required=True)
flags.add_argument("-t", type=int, required=True)
flags.add_argument("-np", type=int, required=True)
flags.add_argument("-c", type=int, required=True)
chosen = flags.parse_args()

parameters = xllamacpp.CommonParams()
parameters.model.path = chosen.m
parameters.hostnames = [chosen.host]
parameters.port = chosen.port
parameters.cpuparams.n_threads = chosen.t
parameters.cpuparams_batch.n_threads = chosen.t
parameters.n_parallel = chosen.np
parameters.n_ctx = chosen.c
# llama-server sets this itself when -np is given.
parameters.kv_unified = False

print(xllamacpp.get_system_info(), flush=True)
server = xllamacpp.Server(parameters)
signal.sigwait([signal.SIGTERM, signal.SIGINT])
sys.exit(0)
