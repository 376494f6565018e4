/** What a vLLM process holds beside tensors: CUDA libraries, NCCL, CUDA graphs, and what it leaves free. */
import { bytes, GiB } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import facts from '@plimsoll/registry/engines/vllm.json' with { type: 'json' };
import type { LedgerEntry } from '../../bytes/ledger.ts';
import type { Question } from '../../question/question.ts';
import type { VllmSettings } from './defaults.ts';
import type { VllmRelease } from './release.ts';

export function runtimeEntries(
  request: Question,
  settings: VllmSettings,
  release: VllmRelease,
): readonly LedgerEntry[] {
  const graphs = graphEntry(request, settings, release);
  return graphs === null ? [outsideTorch(request, release)] : [outsideTorch(request, release), graphs];
}

function outsideTorch(request: Question, release: VllmRelease): LedgerEntry {
  const { tensor, pipeline } = request.parallelism;
  // Symmetric-memory and NVLS buffers exist only where devices see each other's memory.
  const isDatacenter = request.hardware.class === 'datacenter';
  const linked = isDatacenter && request.hardware.links.some(isMemoryLink);
  const row = facts.nonTorch.rows.find(
    (candidate) =>
      candidate.engine === release.engine &&
      release.number >= candidate.from &&
      (candidate.datacenter ?? isDatacenter) === isDatacenter &&
      (candidate.tensor === 1 || (linked && tensor >= candidate.tensor)),
  );
  const isPipelineOnly = pipeline > 1 && tensor === 1;
  const gib = isPipelineOnly ? facts.pipelineNonTorchGib.value : (row?.gib ?? 0);
  return {
    category: 'runtime',
    tag: 'outside the allocator',
    tier: 'device',
    bytes: bytes(Math.round(gib * GiB)),
    derivation: {
      formula: 'CUDA libraries and communication buffers loaded while profiling',
      substituted: `tensor parallel ${tensor}, pipeline parallel ${pipeline}: ${gib} GiB`,
      source: 'vllm/utils/mem_utils.py, non_torch_increase; measured',
      fitted: isPipelineOnly ? facts.pipelineNonTorchGib.fitted : (row?.fitted ?? 'no log'),
    },
  };
}

function isMemoryLink(link: HardwareRecord['links'][number]): boolean {
  return link.kind === 'nvlink' || link.kind === 'xgmi';
}

/** From 0.20 the engine estimates its CUDA graphs before it sizes the cache; earlier they took what was left over. */
function graphEntry(request: Question, settings: VllmSettings, release: VllmRelease): LedgerEntry | null {
  const isAmdBefore = request.hardware.vendor === 'AMD' && release.number < 29;
  if (settings.eager || release.number < 20 || isAmdBefore) return null;
  const { baseGib, perLayerGib, fitted } = facts.cudaGraphs;
  return {
    category: 'runtime',
    tag: 'CUDA graphs',
    tier: 'device',
    bytes: bytes(graphBytes(request, settings)),
    derivation: {
      formula: 'base + per layer, for all captured batch sizes',
      substituted: `${baseGib} GiB + ${stageLayers(request)} x ${perLayerGib} GiB`,
      source: 'vllm/v1/worker/gpu_model_runner.py, profile_cudagraph_memory',
      fitted,
    },
  };
}

/** Memory of the captured graphs of one device; none without them. */
export function graphBytes(request: Question, settings: VllmSettings): number {
  if (settings.eager) return 0;
  const { baseGib, perLayerGib } = facts.cudaGraphs;
  return Math.round((baseGib + perLayerGib * stageLayers(request)) * GiB);
}

function stageLayers(request: Question): number {
  return Math.ceil(request.spec.layers.length / request.parallelism.pipeline);
}

/** What the driver keeps for a process that has opened the device, before it loads anything. */
export function contextBytes(hardware: HardwareRecord): number {
  const row = facts.deviceContext.rows.find(
    ({ vendor, datacenter }) =>
      (vendor ?? hardware.vendor) === hardware.vendor &&
      (datacenter ?? hardware.class === 'datacenter') === (hardware.class === 'datacenter'),
  );
  return Math.round((row?.gib ?? 0) * GiB);
}

/** The share of the device that the engine leaves alone; the CUDA context lives in it. */
export function headroomEntry(hardware: HardwareRecord, settings: VllmSettings): LedgerEntry {
  const total = hardware.memory.usableBytes;
  return {
    category: 'headroom',
    tag: 'above --gpu-memory-utilization',
    tier: 'device',
    bytes: bytes(total - Math.ceil(total * settings.utilization)),
    derivation: {
      formula: 'total - ceil(total x utilisation)',
      substituted: `${total} - ceil(${total} x ${settings.utilization})`,
      source: 'vllm/v1/worker/utils.py, request_memory',
    },
  };
}
