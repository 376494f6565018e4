/** Log-probabilities of the model's own distribution, before bias, penalties, cuts and temperature. */
import type { Candidates } from './candidates.ts';
import type { LogitRow } from './logit-row.ts';

export interface TokenLogprob {
  readonly token: number;
  /** Natural logarithm. */
  readonly logprob: number;
}

export interface SampledLogprobs {
  readonly chosen: TokenLogprob;
  /** The most likely tokens, most likely first; the chosen token may be among them. */
  readonly top: readonly TokenLogprob[];
}

export function reportLogprobs(
  row: LogitRow,
  request: { readonly chosen: number; readonly top: number },
  scratch: Candidates,
): SampledLogprobs {
  const normaliser = row.largest + Math.log(row.sumOfExponentials());
  const report = (token: number): TokenLogprob => ({
    token,
    logprob: (row.values[token] as number) - normaliser,
  });
  const top: TokenLogprob[] = [];
  if (request.top > 0) {
    scratch.takeTop(row, request.top);
    for (let index = 0; index < scratch.count; index++) top.push(report(scratch.ids[index] as number));
  }
  return { chosen: report(request.chosen), top };
}
