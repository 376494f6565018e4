/** Memory of a vLLM process outside of tensors: CUDA libraries, communication buffers, CUDA graphs. */
import { bytes, GiB, MiB } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import facts from '@plimsoll/registry/engines/vllm.json' with { type: 'json' };
import type { LedgerEntry } from '../../bytes/ledger.ts';
import type { Question } from '../../question/question.ts';
import type { Captures } from './captures.ts';
import type { VllmSettings } from './defaults.ts';
import type { VllmRelease } from './release.ts';
import type { ModelRunner } from './runner.ts';

export interface RuntimeInput {
  readonly request: Question;
  readonly settings: VllmSettings;
  readonly release: VllmRelease;
  readonly runner: ModelRunner;
  readonly captures: Captures;
  /** Layers of this pipeline stage. */
  readonly stageLayers: number;
  /** Layers of a drafter with weights of its own. */
  readonly drafterLayers: number;
}

export function runtimeEntries(input: RuntimeInput): readonly LedgerEntry[] {
  const graphs = graphEntry(input);
  const outside = outsideTorch(input.request, input.release);
  return graphs === null ? [outside] : [outside, graphs];
}

function outsideTorch(request: Question, release: VllmRelease): LedgerEntry {
  const { tensor, pipeline } = request.parallelism;
  const isDatacenter = request.hardware.class === 'datacenter';
  const row = facts.nonTorch.rows.find((candidate) => isRowFor(candidate, request, release));
  const isPipelineOnly = pipeline > 1 && tensor === 1 && isDatacenter;
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

/** Multicast buffers between devices (NVLink SHARP) exist from Hopper on, where devices see each other's memory. */
function isRowFor(
  row: (typeof facts.nonTorch.rows)[number],
  { hardware, parallelism }: Question,
  release: VllmRelease,
): boolean {
  const isDatacenter = hardware.class === 'datacenter';
  if (row.engine !== release.engine || release.number < row.from) return false;
  if ((row.datacenter ?? isDatacenter) !== isDatacenter) return false;
  if (parallelism.tensor < row.tensor) return false;
  if (row.tensor === 1) return true;
  const isLinked = hasMemoryLinks(hardware);
  const capability = Number(hardware.computeCapability ?? 99);
  return (row.linked ?? isLinked) === isLinked && capability >= (row.capabilityMin ?? 0);
}

function hasMemoryLinks({ class: kind, links }: HardwareRecord): boolean {
  return kind === 'datacenter' && links.some(isMemoryLink);
}

function isMemoryLink(link: HardwareRecord['links'][number]): boolean {
  return link.kind === 'nvlink' || link.kind === 'xgmi';
}

/**
 * Whether the share of the engine pays for CUDA graphs: the first runner estimates them from 0.20 on (on AMD from 0.28), the
 * second from 0.29 on. Other starts capture them in what the share leaves.
 */
export function reservesGraphs({
  request,
  release,
  runner,
}: Omit<RuntimeInput, 'stageLayers' | 'drafterLayers'>): boolean {
  if (release.number < 20 || runner === 'V0') return false;
  if (runner === 'second') return release.number >= 29;
  return request.hardware.vendor !== 'AMD' || release.number >= 28;
}

function graphEntry(input: RuntimeInput): LedgerEntry | null {
  if (!reservesGraphs(input)) return null;
  const { poolGib, graphs, perGraphGib, drafterGib, workspaceGib } = graphParts(input);
  if (graphs === 0) return null;
  const workspace = workspaceGib > 0 ? ` + ${workspaceGib} GiB` : '';
  const drafter = drafterGib > 0 ? ` + ${drafterGib} GiB` : '';
  return {
    category: 'runtime',
    tag: 'CUDA graphs',
    tier: 'device',
    bytes: bytes(graphBytes(input)),
    derivation: {
      formula:
        'pool of the largest capture + graphs x size of one + graphs of a drafter + workspace of attention',
      substituted: `${poolGib} GiB + ${graphs} x ${perGraphGib} GiB${drafter}${workspace}`,
      source: 'vllm/v1/worker/gpu_model_runner.py, profile_cudagraph_memory',
      fitted: facts.cudaGraphs.fitted,
    },
  };
}

/** Memory of the captured graphs of one device; none without them. */
export function graphBytes(input: RuntimeInput): number {
  const { poolGib, graphs, perGraphGib, drafterGib, workspaceGib } = graphParts(input);
  return Math.round((poolGib + graphs * perGraphGib + drafterGib + workspaceGib) * GiB);
}

interface GraphParts {
  readonly poolGib: number;
  readonly graphs: number;
  readonly perGraphGib: number;
  readonly drafterGib: number;
  readonly workspaceGib: number;
}

function graphParts(input: RuntimeInput): GraphParts {
  const { request, captures: captured, runner, stageLayers, drafterLayers, release } = input;
  const graphs = captured.piecewise + captured.full;
  if (graphs === 0) return { poolGib: 0, graphs, perGraphGib: 0, drafterGib: 0, workspaceGib: 0 };
  const known = facts.cudaGraphs;
  const engineFactor = runner === 'V0' ? known.oldEngine.factor : 1;
  const perGraph = known.perGraphGib + known.perLayerGib * stageLayers * kernelFactor(request) * engineFactor;
  const isLarge = request.hardware.class === 'datacenter' && hasMemoryStack(request.hardware);
  const factor =
    (isLarge ? 1 : known.smallCards.factor) * (runner === 'second' ? known.secondRunner.factor : 1);
  const pool = (known.poolGib * captured.largestTokens) / known.poolTokens / request.parallelism.tensor;
  // Captures of pieces alone never build the decode wrappers that own the workspace.
  const ownsWorkspace =
    captured.flashInfer && captured.full > 0 && release.number >= (runner === 'first' ? 20 : 29);
  return {
    poolGib: pool * factor,
    graphs,
    perGraphGib: perGraph * factor,
    // Drafters capture pieces alone (vllm/v1/spec_decode/llm_base_proposer.py, initialize_cudagraph_keys).
    drafterGib: captured.piecewise * known.perLayerGib * drafterLayers * factor,
    workspaceGib: ownsWorkspace ? known.flashInferWorkspaceMib / 1024 : 0,
  };
}

/**
 * Buffers that NCCL keeps for captured collectives where eight devices have no links. Custom all-reduce needs none; it runs on
 * linked devices and on pairs. No log of a release from 0.29 on has such buffers beside the estimate of its graphs.
 */
export function collectiveBytes({ request, captures: captured, stageLayers, release }: RuntimeInput): number {
  if (release.number >= 29) return 0;
  if (request.parallelism.tensor < 8 || hasMemoryLinks(request.hardware)) return 0;
  const collectives = 2 * stageLayers * (captured.piecewise + captured.full);
  return Math.round(collectives * facts.cudaGraphs.collectiveMib * MiB);
}

function hasMemoryStack({ memory }: HardwareRecord): boolean {
  return memory.kind.startsWith('HBM');
}

/** Layers of other kinds launch more kernels than dense ones, and every kernel is a node of the graph. */
function kernelFactor({ spec, hardware }: Question): number {
  const { layers, quantization } = spec;
  const { mixture, latent, mxfp4 } = facts.cudaGraphs;
  if (!layers.some(({ mlp }) => mlp.kind === 'moe')) return 1;
  // Only Triton's kernels are loaded while they are captured, and they run on Hopper alone.
  if (quantization?.weights === 'mxfp4' && hardware.computeCapability === '9.0') return mxfp4.factor;
  return layers.some(({ attention }) => attention.kind === 'mla') ? latent.factor : mixture.factor;
}

/** Bytes that the driver keeps for a process that has opened the device, before the process loads anything. */
export function contextBytes(hardware: HardwareRecord): number {
  const row = facts.deviceContext.rows.find(
    ({ vendor, datacenter }) =>
      (vendor ?? hardware.vendor) === hardware.vendor &&
      (datacenter ?? hardware.class === 'datacenter') === (hardware.class === 'datacenter'),
  );
  return Math.round((row?.gib ?? 0) * GiB);
}
