/**
 * The working arrays of samplers. An engine has one workspace for all its sequences: sampling is synchronous, so two
 * samplers never use it at once. The planner counts its bytes (samplerWorkspaceBytes).
 */
import { Candidates } from './candidates.ts';
import type { DryArrays } from './dry.ts';
import { LogitRow } from './logit-row.ts';

export class SamplerWorkspace {
  readonly vocabSize: number;
  readonly row: LogitRow;
  readonly candidates: Candidates;
  /** [vocabulary]: occurrences of each token; zero outside a call. */
  readonly tokenCounts: Int32Array;
  readonly scores: Float64Array;
  readonly dry: DryArrays;

  /** `historyMax`: tokens of the longest history. A longer history makes the workspace grow. */
  constructor(vocabSize: number, historyMax = 0) {
    this.vocabSize = vocabSize;
    this.row = new LogitRow(vocabSize);
    this.candidates = new Candidates(vocabSize);
    this.tokenCounts = new Int32Array(vocabSize);
    this.scores = new Float64Array(vocabSize);
    this.dry = { lengths: new Int32Array(vocabSize), matches: new Int32Array(historyMax) };
  }

  get byteLength(): number {
    const { row, candidates, tokenCounts, scores, dry } = this;
    const arrays = [row.values, row.blockMaxima, tokenCounts, scores, dry.lengths, dry.matches];
    return arrays.reduce((sum, { byteLength }) => sum + byteLength, candidates.byteLength);
  }
}
