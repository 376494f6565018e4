/** What a long prompt costs the requests that decode at the same time, as a whole and in chunks. */
import { PlimsollError } from '@plimsoll/foundation';
import { largestWithin } from '../deployment/boundary-search.ts';
import type { LoadEntry } from '../speed/step-load.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';
import { assertInContext, assertOneGroup, assertUncached, prepareReplica, requestOf } from './subject.ts';

export const chunkedPrefill: Solver = defineSolver({
  name: 'chunked-prefill',
  summary: 'the stall that a prompt causes in running decodes, for each chunk size',
  needs: ['replica'],
  inputs: {
    promptTokens: tokensInput({ words: 'prompt that arrives', default: 8192 }),
    cachedTokens: tokensInput({ words: 'prompt tokens in the prefix cache', default: 0, least: 0 }),
    users: {
      kind: 'number',
      unit: 'count',
      words: 'requests that decode meanwhile',
      least: 0,
      most: 4096,
      default: 16,
    },
    contextTokens: tokensInput({ words: 'tokens that each of them holds', default: 4096 }),
    chunkTokens: tokensInput({ words: 'prompt tokens of one step', default: 512 }),
    stallLimit: {
      kind: 'number',
      unit: 'seconds',
      words: 'longest gap between two tokens that users accept',
      least: 0,
      most: 86_400,
      default: null,
    },
  },
  outputs: {
    chunks: { unit: 'count', words: 'steps of the prompt' },
    stallSeconds: { unit: 'seconds', words: 'longest gap between two tokens of a running request' },
    ttftSeconds: { unit: 'seconds', words: 'time to the first token of the prompt, decodes included' },
    wholeStallSeconds: { unit: 'seconds', words: 'gap if the prompt is one step' },
    wholeTtftSeconds: { unit: 'seconds', words: 'time to its first token if the prompt is one step' },
    decodeSeconds: { unit: 'seconds', words: 'gap without a prompt' },
    largestChunk: { unit: 'tokens', words: 'largest chunk whose gaps stay within the limit' },
  },
  columns: {
    chunkTokens: { unit: 'tokens', words: 'chunk' },
    chunks: { unit: 'count', words: 'steps' },
    stallSeconds: { unit: 'seconds', words: 'longest gap' },
    ttftSeconds: { unit: 'seconds', words: 'first token' },
  },
  formula: [
    'time of a step = roofline of the chunk and one token of every decode: weights are read once',
    'stall = the longest step, the last: its tokens attend to the most keys',
    'time to the first token = sum of the steps',
  ],
  limits: [
    'The decodes neither finish nor start meanwhile, and their contexts stay as long as they are.',
    'One prompt at a time; prompts that wait before it add their own steps.',
    'Without pipeline and data parallelism: a step is the step of one replica.',
  ],
  sources: [
    'Agrawal et al., Taming Throughput-Latency Tradeoff in LLM Inference with Sarathi-Serve, OSDI 2024',
    'mlsysim 0.3.0, ServingModel.decode_stall_bound and ChunkedPrefillModel: they charge every chunk the attention to the whole prompt and leave the decodes out; ours charges the keys before the chunk and adds the decodes.',
  ],
  example: 'llama-3.1-8b-instruct --gpu h100 --engine none --prompt-tokens 32k --users 16 --stall-limit 50ms',
  solve(values, subject) {
    const { promptTokens, cachedTokens, users, contextTokens, chunkTokens, stallLimit } = values;
    assertUncached(values);
    const longest = Math.max(promptTokens, contextTokens);
    const replica = prepareReplica(requestOf(subject), { contextTokens: longest, users: 1 });
    assertInContext(replica, longest);
    assertOneGroup(replica);
    const { speed } = replica.deployment;
    const decode: LoadEntry = { kind: 'decode', start: contextTokens, count: 1, sampledRows: 1 };
    const decodes = new Array<LoadEntry>(users).fill(decode);
    const step = (start: number, end: number): number => {
      const sampledRows = end === promptTokens ? 1 : 0;
      return speed.stepSeconds([...decodes, { kind: 'prefill', start, count: end - start, sampledRows }]);
    };
    const prompt: Prompt = { start: cachedTokens, end: promptTokens, step };
    const whole = runInChunks(prompt, promptTokens - cachedTokens);
    const decodeSeconds = users === 0 ? 0 : speed.stepSeconds(decodes);
    return {
      outputs: {
        ...runInChunks(prompt, chunkTokens),
        wholeStallSeconds: whole.stallSeconds,
        wholeTtftSeconds: whole.ttftSeconds,
        decodeSeconds,
        largestChunk: stallLimit === null ? null : largestChunk(prompt, stallLimit),
      },
      rows: chunkSizes(promptTokens - cachedTokens).map((size) => ({
        chunkTokens: size,
        ...runInChunks(prompt, size),
      })),
      notes:
        stallLimit !== null && decodeSeconds > stallLimit
          ? ['the decodes alone take longer than the limit: fewer users, or a faster device']
          : [],
    };
  },
});

interface Prompt {
  /** The tokens [start, end) are computed. */
  readonly start: number;
  readonly end: number;
  /** Seconds of the step with the tokens [start, end) and one token of every decode. */
  readonly step: (start: number, end: number) => number;
}

interface ChunkedRun {
  readonly chunks: number;
  readonly stallSeconds: number;
  readonly ttftSeconds: number;
}

/** Most steps of one prompt, so that an answer takes milliseconds. */
const chunksMax = 8192;

function runInChunks(prompt: Prompt, size: number): ChunkedRun {
  const chunks = Math.ceil((prompt.end - prompt.start) / size);
  if (chunks > chunksMax) {
    throw new PlimsollError({
      code: 'bad-input',
      message: `chunks of ${size} tokens cut the prompt into ${chunks} steps`,
      value: size,
      limit: `at most ${chunksMax} steps`,
      hint: `--chunk-tokens ${Math.ceil((prompt.end - prompt.start) / chunksMax)} or more`,
    });
  }
  let ttftSeconds = 0;
  for (let start = prompt.start; start < prompt.end; start += size)
    ttftSeconds += prompt.step(start, Math.min(start + size, prompt.end));
  return { chunks, stallSeconds: longestStep(prompt, size), ttftSeconds };
}

/** The last whole chunk attends to the most keys; the remainder after it may still take longer: it samples. */
function longestStep({ start, end, step }: Prompt, size: number): number {
  const whole = Math.floor((end - start) / size);
  const rest = start + whole * size;
  const last = rest < end ? step(rest, end) : 0;
  return whole === 0 ? last : Math.max(last, step(rest - size, rest));
}

/** Returns 0 if one token takes longer than the limit. */
function largestChunk(prompt: Prompt, stallLimit: number): number {
  const tokens = prompt.end - prompt.start;
  return largestWithin({ limit: tokens, room: stallLimit, near: 512 }, (size) => longestStep(prompt, size));
}

/** Powers of two from 256 that are smaller than the prompt, at most eight of them. */
function chunkSizes(tokens: number): readonly number[] {
  const smallest = Math.max(256, 2 ** Math.ceil(Math.log2(tokens / 128)));
  return [0, 1, 2, 3, 4, 5, 6].map((power) => smallest * 2 ** power).filter((size) => size < tokens);
}
