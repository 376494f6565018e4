/** Refuses left recursion: a rule that can call itself before any byte would never end. The error names the rule. */
import { PlimsollError } from '@plimsoll/foundation';
import { measureDistances } from './distances.ts';
import type { Network } from './network.ts';

export function refuseLeftRecursion(network: Network): void {
  // A rule that no byte is needed for ends in zero bytes.
  const { bytes } = measureDistances(network, new Array<boolean>(256).fill(true));
  const empties: ReadonlySet<number> = new Set(
    network.starts.flatMap((start, rule) => (bytes[start] === 0 ? [rule] : [])),
  );
  const leading = network.starts.map((start) => leadingCalls(network, start, empties));
  const done = new Set<number>();
  for (let first = 0; first < leading.length; first++) {
    if (done.has(first)) continue;
    // Depth first, by hand: the chain of rules may be longer than the stack of this program.
    const chain = [{ rule: first, next: 0 }];
    const open = new Set([first]);
    for (let top = chain.at(-1); top !== undefined; top = chain.at(-1)) {
      const called = leading[top.rule]?.[top.next++];
      if (called === undefined) {
        open.delete(top.rule);
        done.add(top.rule);
        chain.pop();
        continue;
      }
      if (open.has(called)) throw recursive(network.ruleNames[called] ?? '');
      if (done.has(called)) continue;
      open.add(called);
      chain.push({ rule: called, next: 0 });
    }
  }
}

function recursive(name: string): PlimsollError {
  return new PlimsollError({
    code: 'grammar-left-recursion',
    message: `The rule ${name} can reach itself before any character.`,
    value: name,
    hint: 'Put the repeated part first: list ::= item ("," item)* instead of list ::= list "," item | item.',
  });
}

/** Nodes that can be reached without a byte, not entering rules but passing those that may be empty. */
function freelyReached(network: Network, start: number, empties: ReadonlySet<number>): ReadonlySet<number> {
  const reached = new Set([start]);
  // A set visits what is added to it while it is walked.
  for (const index of reached) {
    const node = network.nodes[index];
    for (const target of node?.freeMoves ?? []) reached.add(target);
    for (const call of node?.calls ?? []) if (empties.has(call.rule)) reached.add(call.returnNode);
  }
  return reached;
}

function leadingCalls(network: Network, start: number, empties: ReadonlySet<number>): readonly number[] {
  const called = new Set<number>();
  for (const index of freelyReached(network, start, empties)) {
    for (const call of network.nodes[index]?.calls ?? []) called.add(call.rule);
  }
  return [...called];
}
