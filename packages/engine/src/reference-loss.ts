/** Computes the mean loss of an engine on a text, for comparison with a fixture. */
import type { Engine } from './engine.ts';

/** Mean negative log-likelihood of every token after the first, in nats. */
export async function meanLoss(engine: Engine, tokens: ArrayLike<number>): Promise<number> {
  let loss = 0;
  await engine.observe(tokens, {
    score(position, logits) {
      const next = tokens[position + 1];
      if (next === undefined) return;
      const largest = logits.reduce((left, right) => Math.max(left, right));
      const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
      loss += largest + Math.log(sum) - (logits[next] ?? 0);
    },
  });
  return loss / (tokens.length - 1);
}
