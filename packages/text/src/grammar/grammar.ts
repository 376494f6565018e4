/** A grammar ready for use with any tokenizer. */
import type { GrammarRules } from './expression.ts';
import { refuseLeftRecursion } from './left-recursion.ts';
import { buildNetwork, type Network } from './network.ts';

export interface Grammar {
  readonly network: Network;
}

/** Checks the rules and joins them into one network. */
export function grammarFromRules(rules: GrammarRules): Grammar {
  const network = buildNetwork(rules);
  refuseLeftRecursion(network);
  return { network };
}
