/** The results of llama.cpp for a model, which tools/reference/make-real-model-fixtures.py wrote. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '../../../fixtures/real-models');

interface RealModelFixture {
  /** Tokens of text.txt, and its mean loss under each of llama.cpp's switches. */
  readonly tokens: number;
  readonly lossNats: Readonly<Record<string, number>>;
  readonly answerTokens: number;
  /** llama.cpp's greedy output contains the answer. */
  readonly questions: readonly { readonly question: string; readonly answer: string }[];
  /** Texts that llama.cpp wrote: for each text, the share of runs of four tokens that occur for the first time. */
  readonly texts: {
    readonly temperature: number;
    readonly topK: number;
    readonly tokens: number;
    readonly openings: readonly string[];
    readonly distinctShares: readonly number[];
  };
  /** Ids of varied texts, with control tokens as plain text, and with control tokens read as tokens. */
  readonly ids: readonly { readonly text: string; readonly plain: string; readonly parsed: string }[];
}

export function readFixture(id: string): RealModelFixture {
  return JSON.parse(readFileSync(join(folder, `${id}.json`), 'utf8')) as RealModelFixture;
}
