/** The flags of `plimsoll plan`, and the request they make. Every value is checked here, once. */
import { existsSync } from 'node:fs';
import { PlimsollError, parseBytes, parseTokens } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import {
  type EngineName,
  engineNames,
  type PlanRequest,
  parseElementType,
  parseKvFormat,
  usualEngine,
  type Workload,
} from '@plimsoll/planner';
import { type HardwareRecord, largerHardware, resolveHardware, shippedRegistry } from '@plimsoll/registry';
import { usualContext } from './usual-context.ts';
import { usualDraftTokens } from './usual-draft.ts';

export interface PlanFlags {
  readonly gpu?: string;
  readonly compare?: string;
  readonly context?: string;
  readonly users?: string;
  readonly prompt?: string;
  readonly cachedPrompt?: string;
  readonly engine?: string;
  readonly weights?: string;
  readonly dtype?: string;
  readonly kv?: string;
  readonly tp?: string;
  readonly pp?: string;
  readonly dp?: string;
  readonly ep?: boolean;
  readonly memory?: string;
  readonly utilization?: string;
  readonly maxNumSeqs?: string;
  readonly maxNumBatchedTokens?: string;
  readonly blockSize?: string;
  readonly enforceEager?: boolean;
  readonly ngl?: string;
  readonly ctk?: string;
  readonly ctv?: string;
  readonly fa?: string;
  readonly batch?: string;
  readonly ub?: string;
  readonly nCpuMoe?: string;
  readonly cpuMoe?: boolean;
  readonly swaFull?: boolean;
  readonly threads?: string;
  readonly prefillChunk?: string;
  readonly draft?: string;
  readonly draftTokens?: string;
  readonly assume?: string;
  readonly explain?: boolean;
  readonly json?: boolean;
  readonly ask?: boolean;
}

/** The models that a plan is about. */
export interface PlannedModels {
  readonly spec: ModelSpec;
  /** As a person typed it. */
  readonly reference: string;
  /** Null without --draft. */
  readonly draft: ModelSpec | null;
}

export function planRequest({ spec, reference: model, draft }: PlannedModels, flags: PlanFlags): PlanRequest {
  const hardware = deviceOf(flags.gpu ?? '', flags);
  const [engine, engineVersion] = engineOf(flags, spec.source === 'gguf', hardware);
  refuseForeignFlags(flags, engine);
  if (draft === null && flags.draftTokens !== undefined)
    throw badFlag('draft-tokens', flags.draftTokens, 'given together with --draft');
  return {
    spec,
    modelReference: existsSync(model) ? model : undefined,
    hardware,
    largerDevices: (bytesMin) => largerHardware(shippedRegistry, hardware, bytesMin),
    parallelism: {
      tensor: count(flags.tp, 'tp') ?? 1,
      pipeline: count(flags.pp, 'pp') ?? 1,
      data: count(flags.dp, 'dp') ?? 1,
      expertParallel: flags.ep === true,
    },
    engine,
    engineVersion,
    weights: engine === 'plimsoll' && flags.weights === 'auto' ? undefined : flags.weights,
    elementType: flags.dtype === undefined ? undefined : elementTypeOf(flags.dtype),
    kvFormat: flags.kv === undefined || flags.kv === 'auto' ? undefined : parseKvFormat(flags.kv),
    vllm: {
      gpuMemoryUtilization: share(flags.utilization),
      maxNumSeqs: count(flags.maxNumSeqs, 'max-num-seqs'),
      maxNumBatchedTokens: count(flags.maxNumBatchedTokens, 'max-num-batched-tokens'),
      blockSize: count(flags.blockSize, 'block-size'),
      enforceEager: flags.enforceEager,
    },
    llamaCpp: {
      gpuLayers: gpuLayers(flags.ngl),
      keyFormat: flags.ctk === undefined ? undefined : parseKvFormat(flags.ctk),
      valueFormat: flags.ctv === undefined ? undefined : parseKvFormat(flags.ctv),
      flashAttention: onOff(flags.fa),
      batchTokens: count(flags.batch, 'batch'),
      physicalBatchTokens: count(flags.ub, 'ub'),
      cpuExpertLayers: flags.cpuMoe === true ? spec.layers.length : count(flags.nCpuMoe, 'n-cpu-moe'),
      fullWindowCache: flags.swaFull,
    },
    plimsoll: {
      blockTokens: count(flags.blockSize, 'block-size'),
      threads: count(flags.threads, 'threads'),
      prefillChunkTokens: count(flags.prefillChunk, 'prefill-chunk'),
      shrinkWeights: flags.weights === 'auto',
      draft: draft === null ? undefined : { spec: draft, tokens: draftTokensOf(flags) },
    },
    draftReference: flags.draft,
    workload: workloadOf(spec, flags),
  };
}

function draftTokensOf({ draftTokens }: PlanFlags): number {
  return count(draftTokens, 'draft-tokens') ?? usualDraftTokens;
}

function workloadOf(spec: ModelSpec, flags: PlanFlags): Workload {
  const contextTokens =
    flags.context === undefined ? usualContext(spec.contextLength) : parseTokens(flags.context);
  if (contextTokens > spec.contextLength) throw contextTooLong(contextTokens, spec.contextLength, spec.id);
  const promptTokens = flags.prompt === undefined ? undefined : parseTokens(flags.prompt);
  const cachedTokens = flags.cachedPrompt === undefined ? undefined : parseTokens(flags.cachedPrompt);
  if (promptTokens !== undefined && promptTokens > contextTokens) {
    throw badFlag('prompt', String(flags.prompt), `at most the context of ${contextTokens} tokens`);
  }
  if (cachedTokens !== undefined && cachedTokens >= (promptTokens ?? contextTokens)) {
    throw badFlag(
      'cached-prompt',
      String(flags.cachedPrompt),
      `less than the prompt of ${promptTokens ?? contextTokens} tokens`,
    );
  }
  return { contextTokens, users: count(flags.users, 'users') ?? 1, promptTokens, cachedTokens };
}

/** Flags that only one engine has. Taking them for another would be a silent guess. */
const engineFlags: Readonly<Partial<Record<keyof PlanFlags, EngineName>>> = {
  utilization: 'vllm',
  maxNumSeqs: 'vllm',
  maxNumBatchedTokens: 'vllm',
  enforceEager: 'vllm',
  ngl: 'llama.cpp',
  ctk: 'llama.cpp',
  ctv: 'llama.cpp',
  fa: 'llama.cpp',
  batch: 'llama.cpp',
  ub: 'llama.cpp',
  nCpuMoe: 'llama.cpp',
  cpuMoe: 'llama.cpp',
  swaFull: 'llama.cpp',
  draft: 'plimsoll',
  draftTokens: 'plimsoll',
};

function refuseForeignFlags(flags: PlanFlags, engine: EngineName): void {
  // A comparison may plan devices under different engines; each takes the flags it knows.
  if (flags.compare !== undefined) return;
  for (const [name, owner] of Object.entries(engineFlags)) {
    if (flags[name as keyof PlanFlags] === undefined || owner === engine) continue;
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new PlimsollError({
      code: 'flag-of-another-engine',
      message: `${flag} is a flag of ${owner}, and this plan is for ${engine}`,
      value: flag,
      hint: `--engine ${owner}, or leave the flag out`,
    });
  }
}

function deviceOf(name: string, flags: PlanFlags): HardwareRecord {
  const record = resolveHardware(name);
  if (flags.memory === undefined) return record;
  return { ...record, memory: { ...record.memory, usableBytes: parseBytes(flags.memory) } };
}

/** llama.cpp for its own files, Apple machines and CPUs, vLLM for the rest, unless --engine says otherwise. */
function engineOf(
  flags: PlanFlags,
  isGguf: boolean,
  hardware: HardwareRecord,
): readonly [EngineName, string | undefined] {
  if (flags.engine === undefined) {
    return [usualEngine(hardware, isGguf), undefined];
  }
  const [name = '', version] = flags.engine.split('@');
  const engine = engineNames.find(
    (known) => known === name.toLowerCase().replace(/^llama[-_]?cpp$/, 'llama.cpp'),
  );
  if (engine !== undefined) return [engine, version];
  throw new PlimsollError({
    code: 'unknown-engine',
    message: `"${name}" is not an engine this planner has a profile for`,
    value: name,
    limit: engineNames.join(', '),
  });
}

function elementTypeOf(text: string): PlanRequest['elementType'] {
  const type = text === 'auto' ? undefined : parseElementType(text);
  if (type === null) throw badFlag('dtype', text, 'bfloat16, float16, float32 or auto');
  return type;
}

function gpuLayers(text: string | undefined): number | 'all' | 'auto' | undefined {
  if (text === undefined || text === 'all' || text === 'auto') return text;
  if (Number(text) === -1) return 'all';
  if (!/^\d+$/.test(text)) throw badFlag('ngl', text, 'a number of layers, all or auto');
  return wholeNumber(text, 'ngl', 0);
}

function onOff(text: string | undefined): boolean | undefined {
  if (text === undefined || text === 'auto') return undefined;
  if (['on', '1', 'true'].includes(text)) return true;
  if (['off', '0', 'false'].includes(text)) return false;
  throw badFlag('fa', text, 'on, off or auto');
}

function count(text: string | undefined, flag: string): number | undefined {
  return text === undefined ? undefined : wholeNumber(text, flag, 1);
}

/** Largest count any flag takes: above it sums leave the range of exact integers. */
const countMax = 10_000_000;

function wholeNumber(text: string, flag: string, minimum: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= minimum && value <= countMax) return value;
  throw badFlag(flag, text, `a whole number from ${minimum} to ${countMax}`);
}

function share(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (value > 0 && value <= 1) return value;
  throw badFlag('utilization', text, 'a share above 0 and at most 1, such as 0.9');
}

function badFlag(flag: string, value: string, limit: string): PlimsollError {
  return new PlimsollError({
    code: 'bad-flag',
    message: `--${flag} ${value} is not understood`,
    value,
    limit,
    hint: 'plimsoll plan --help',
  });
}

function contextTooLong(context: number, limit: number, model: string): PlimsollError {
  return new PlimsollError({
    code: 'context-too-long',
    message: `${model} accepts ${limit} tokens of context, not ${context}`,
    value: context,
    limit,
    hint: `--context ${limit}`,
  });
}
