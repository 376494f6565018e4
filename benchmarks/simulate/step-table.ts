/** Seconds of a step by its tokens: the planner's for Llama 3.1 8B on an H100, which both simulators read. */
import { modelSpecFromConfig } from '@plimsoll/model-files';
import { prepare, singleDevice } from '@plimsoll/planner';
import type { LoadEntry } from '@plimsoll/planner/speed';
import { resolveHardware, resolveModel } from '@plimsoll/registry';

const modelName = 'meta-llama/Llama-3.1-8B-Instruct';
const hardwareName = 'H100';

/** What the table is of, for the report. */
export const stepTableName = `${modelName} in bf16 on ${hardwareName}`;

/**
 * Index: tokens. Up to `decodesMax` tokens are decodes in a context of `contextTokens`; more are the tokens of a prompt
 * besides this number of decodes less one.
 */
export function stepTable(tokensMax: number, decodesMax: number, contextTokens: number): readonly number[] {
  const record = resolveModel(modelName);
  const { speed } = prepare({
    spec: modelSpecFromConfig(record.config, { id: record.id }),
    hardware: resolveHardware(hardwareName),
    parallelism: singleDevice,
    engine: 'vllm',
    workload: { contextTokens, users: 1 },
  });
  const decode: LoadEntry = { kind: 'decode', start: contextTokens, count: 1, sampledRows: 1 };
  return Array.from({ length: tokensMax + 1 }, (_, tokens) => {
    if (tokens <= decodesMax) return speed.stepSeconds(new Array<LoadEntry>(tokens).fill(decode));
    const decodes = new Array<LoadEntry>(decodesMax - 1).fill(decode);
    const prompt: LoadEntry = { kind: 'prefill', start: 0, count: tokens - decodes.length, sampledRows: 1 };
    return speed.stepSeconds([...decodes, prompt]);
  });
}
