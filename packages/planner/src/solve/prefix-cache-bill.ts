/** The bill of a conversation whose history is sent again in every turn, with and without a prefix cache. */
import { powersTo } from './search.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';

export const prefixCacheBill: Solver = defineSolver({
  name: 'prefix-cache-bill',
  summary: 'what an API bills for a conversation or an agent, with and without its prefix cache',
  needs: [],
  inputs: {
    turns: {
      kind: 'number',
      unit: 'count',
      words: 'requests of the conversation',
      least: 1,
      most: 100_000,
      default: 20,
    },
    firstPrompt: tokensInput({ words: 'prompt of the first request', default: 12_000 }),
    appendedTokens: tokensInput({
      words: 'tokens that each turn adds to the next prompt, its answer included',
      default: 2000,
      least: 0,
    }),
    outputTokens: tokensInput({ words: 'output of a request', default: 500, least: 0 }),
    inputPrice: {
      kind: 'number',
      unit: 'usd per million tokens',
      words: 'price of input',
      least: 0,
      most: 1e6,
      default: 'required',
    },
    cachedPrice: {
      kind: 'number',
      unit: 'usd per million tokens',
      words: 'price of input that is read from the cache',
      least: 0,
      most: 1e6,
      default: 'required',
    },
    outputPrice: {
      kind: 'number',
      unit: 'usd per million tokens',
      words: 'price of output',
      least: 0,
      most: 1e6,
      default: 'required',
    },
    writePrice: {
      kind: 'number',
      unit: 'usd per million tokens',
      words: 'price of input that is written to the cache (default: the price of input)',
      least: 0,
      most: 1e6,
      default: null,
    },
    missRate: {
      kind: 'number',
      unit: 'share',
      words: 'turns whose prefix is no longer cached',
      least: 0,
      most: 1,
      default: 0,
    },
  },
  outputs: {
    uncachedUsd: { unit: 'usd', words: 'bill without a cache' },
    cachedUsd: { unit: 'usd', words: 'bill with the cache, misses included' },
    saving: { unit: 'share', words: 'saved share' },
    sentTokens: { unit: 'tokens', words: 'input of all requests' },
    freshTokens: { unit: 'tokens', words: 'input that no earlier request has' },
    rereadUsd: { unit: 'usd', words: 'part of the bill for reading the cache' },
    missUsd: { unit: 'usd', words: 'part of the bill for misses' },
    outputUsd: { unit: 'usd', words: 'part of the bill for output' },
    breakEvenMissRate: { unit: 'share', words: 'misses from which the cache costs more than it saves' },
  },
  columns: {
    turn: { unit: 'count', words: 'turn' },
    promptTokens: { unit: 'tokens', words: 'input' },
    uncachedUsd: { unit: 'usd', words: 'without a cache' },
    cachedUsd: { unit: 'usd', words: 'with it' },
  },
  formula: [
    'n turns send n x first + appended x n (n - 1) / 2 tokens; only first + appended x (n - 1) are new',
    'with a cache, new tokens cost the write price and the others the cached price; a miss costs its prefix the write price again',
  ],
  limits: [
    'The history only grows. Compaction, edits of the history and expiry between turns are misses.',
    'Blocks of the cache are not rounded: providers cache in steps of 128 or 1,024 tokens.',
  ],
  sources: [
    'mlsysim 0.3.0, PrefixCacheBillModel: the same sums. It shows misses beside a total that leaves them out, and knows no price of writing.',
  ],
  example: '--input-price 3 --cached-price 0.30 --output-price 15 --write-price 3.75 --miss-rate 5%',
  solve(values) {
    const { turns, firstPrompt, appendedTokens, outputTokens, missRate } = values;
    const [input, write] = [values.inputPrice / 1e6, (values.writePrice ?? values.inputPrice) / 1e6];
    const [cached, output] = [values.cachedPrice / 1e6, values.outputPrice / 1e6];
    const sentTokens = turns * firstPrompt + (appendedTokens * turns * (turns - 1)) / 2;
    const freshTokens = firstPrompt + appendedTokens * (turns - 1);
    const reread = sentTokens - freshTokens;
    const outputUsd = turns * outputTokens * output;
    const uncachedUsd = sentTokens * input + outputUsd;
    const missUsd = missRate * reread * (write - cached);
    const cachedUsd = freshTokens * write + reread * cached + missUsd + outputUsd;
    const gain = uncachedUsd - (freshTokens * write + reread * cached + outputUsd);
    const lostPerMiss = reread * (write - cached);
    return {
      outputs: {
        uncachedUsd,
        cachedUsd,
        saving: uncachedUsd === 0 ? 0 : 1 - cachedUsd / uncachedUsd,
        sentTokens,
        freshTokens,
        rereadUsd: reread * cached * (1 - missRate),
        missUsd: missRate * reread * write,
        outputUsd,
        breakEvenMissRate: lostPerMiss <= 0 ? null : Math.min(1, Math.max(0, gain / lostPerMiss)),
      },
      rows: powersTo(turns).map((turn) => {
        const promptTokens = firstPrompt + appendedTokens * (turn - 1);
        const fresh = turn === 1 ? firstPrompt : appendedTokens;
        const old = (promptTokens - fresh) * (cached + missRate * (write - cached));
        return {
          turn,
          promptTokens,
          uncachedUsd: promptTokens * input + outputTokens * output,
          cachedUsd: fresh * write + old + outputTokens * output,
        };
      }),
    };
  },
});
