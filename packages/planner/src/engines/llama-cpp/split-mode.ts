/** What `--split-mode` means to a build, a backend and a model, and which combinations do not start. */
import { PlimsollError } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import type { KvFormat } from '../../bytes/kv-format.ts';
import type { Question } from '../../question/question.ts';
import type { Division } from './division.ts';
import type { EngineRules } from './engine-rules.ts';
import type { Machine } from './machine.ts';
import type { LlamaCppOptions } from './options.ts';

/** How the devices of a start share single matrices; undefined if each matrix lies on one device. Throws where no start is. */
export function divisionOf(
  request: Question<LlamaCppOptions>,
  machine: Machine,
  rules: EngineRules,
): Division | undefined {
  const mode = request.options?.splitMode;
  if (mode === 'row') return rowDivision(request, machine, rules);
  return mode === 'tensor' ? tensorDivision(request, machine, rules) : undefined;
}

function rowDivision(
  request: Question<LlamaCppOptions>,
  machine: Machine,
  rules: EngineRules,
): Division | undefined {
  const { backend, devices, shares } = machine;
  if (backend === 'cpu') return undefined;
  if (backend === 'sycl') throw refused('row', 'its row split crashes on SYCL while the model loads');
  if (rules.refusesRows)
    throw refused('row', `"device ${backend.toUpperCase()}0 does not support split buffers"`);
  if (backend !== 'cuda' && backend !== 'rocm') return undefined;
  if (devices.length === 1) return undefined;
  if (request.options?.deviceNames !== undefined)
    throw refused('row', 'it divides rows over every device of the machine and ignores --device');
  const { layers } = request.spec;
  if (!rules.rowsByLayer && layers.some(({ mlp }) => mlp.kind === 'moe'))
    throw refused('row', 'builds of before November 2024 cannot divide experts');
  if (
    rules.latentCache &&
    !rules.rowsOfMatricesOnly &&
    layers.some(({ attention }) => attention.kind === 'mla')
  )
    throw refused('row', 'this build fails on the matrices of latent attention (PR 13919)');
  return {
    kind: 'rows',
    roundedRows: Math.max(...devices.map(rowsAtOnce)),
    shares: shares ?? devices.map(() => 1),
  };
}

/** Rows that a quantised product computes at once (mmq.cuh, get_mmq_y_host). */
function rowsAtOnce({ computeCapability, gfxTarget }: HardwareRecord): number {
  if (gfxTarget !== null) return gfxTarget.startsWith('gfx101') ? 64 : 128;
  return Number(computeCapability ?? 0) >= 7 ? 128 : 64;
}

function tensorDivision(
  request: Question<LlamaCppOptions>,
  { backend, devices }: Machine,
  rules: EngineRules,
): Division {
  const { options = {}, spec } = request;
  if (!rules.dividesTensors) throw refused('tensor', `b${rules.build} does not know this mode`);
  if (backend === 'cpu') throw refused('tensor', 'the mode needs at least one device');
  if (
    undividedFamilies.test(spec.family) ||
    !spec.layers.every(({ attention }) => isDivisible(attention.kind))
  )
    throw refused('tensor', `it is not implemented for the architecture of ${spec.family}`);
  if (options.flashAttention === false)
    throw refused('tensor', 'the mode requires flash attention', '-fa on, or --split-mode layer');
  if (options.offloadsCache === false)
    throw refused(
      'tensor',
      'a cache in host memory is not divided by heads, which ends in an abort or in wrong answers',
    );
  if (
    !rules.dividesQuantisedCache &&
    [options.keyFormat, options.valueFormat, request.kvFormat].some(isQuantised)
  )
    throw refused(
      'tensor',
      'this build has no quantised cache in this mode',
      'f16 caches, or --split-mode layer',
    );
  const foreign = options.tensorOverrides?.find(({ buffer }) => !/^CPU$|_Host$/i.test(buffer));
  if (foreign !== undefined)
    throw refused(
      'tensor',
      `--override-tensor cannot place tensors in ${foreign.buffer}, because all devices are one`,
    );
  const split = options.tensorSplit;
  return {
    kind: 'tensors',
    shares: devices.map((_, device) => (split === undefined ? 1 : (split[device] ?? 0))),
  };
}

/** Families that llm_arch_supports_sm_tensor (llama-arch.cpp) excludes beside latent attention and Mamba. */
const undividedFamilies =
  /^(grok|mpt$|plamo2|minicpm3|gemma3n|olmo[23]|olmoe|hy[-_]v4|bitnet|t5|nemotron_h|minimax|mistral4|kimi|bailing\w*3|qwen4|jamba|falcon[-_]h1|granite\w*hybrid)/;

function isQuantised(format: KvFormat | undefined): boolean {
  return format !== undefined && /^(i?q|fp8)/.test(format);
}

function isDivisible(kind: string): boolean {
  return kind !== 'mla' && kind !== 'ssm';
}

function refused(mode: 'row' | 'tensor', reason: string, hint = '--split-mode layer'): PlimsollError {
  return new PlimsollError({
    code: 'split-mode',
    message: `llama.cpp does not start with --split-mode ${mode}: ${reason}`,
    value: mode,
    limit: 'a mode that this build has for these devices and this model',
    hint: mode === 'row' ? '--split-mode tensor, or --split-mode layer' : hint,
  });
}
