/**
 * How far each node is from the end of its rule: in bytes, and in further levels of calls on that shortest way. The
 * bytes are what a length budget is checked against; the levels keep the stack below its limit without ever leading
 * into a dead end. Only bytes that are a token by themselves count, so that every shortest way can really be taken; all
 * others are never written, not even inside a longer token. Byte-level tokenizers and those with byte fallback have all.
 *
 * Nodes are settled nearest first, each once (D. Knuth, "A Generalization of Dijkstra's Algorithm", 1977): the time grows with
 * the moves of the network, however its rules call each other.
 */
import { DistanceQueue } from './distance-queue.ts';
import { END_NODE, type Network } from './network.ts';

export interface Distances {
  /** Bytes from the node to the end of its rule; Infinity where no way leads there. */
  readonly bytes: Float64Array;
  /** Levels of calls on that way, beyond the node's own. */
  readonly levels: Float64Array;
}

export function measureDistances(network: Network, usableBytes: readonly boolean[]): Distances {
  const uses = usesOf(network, usableBytes);
  const size = network.nodes.length;
  const bytes = new Float64Array(size).fill(Infinity);
  const levels = new Float64Array(size).fill(Infinity);
  const settled = new Uint8Array(size);
  const queue = new DistanceQueue();
  queue.push(END_NODE, 0, 0);
  while (queue.size > 0) {
    const { node, bytes: nodeBytes, levels: nodeLevels } = queue.pop();
    if (settled[node] === 1) continue;
    settled[node] = 1;
    bytes[node] = nodeBytes;
    levels[node] = nodeLevels;
    for (let use = uses.last[node] as number; use >= 0; use = uses.before[use] as number) {
      const user = uses.user[use] as number;
      if (settled[user] === 1) continue;
      const called = uses.called[use] as number;
      if (called < 0) {
        queue.push(user, nodeBytes + (uses.cost[use] as number), nodeLevels);
        continue;
      }
      // A call is as far as the called rule and what follows it; both have to be settled.
      const returned = uses.returned[use] as number;
      if (settled[called] === 0 || settled[returned] === 0) continue;
      queue.push(
        user,
        (bytes[called] as number) + (bytes[returned] as number),
        Math.max(1 + (levels[called] as number), levels[returned] as number),
      );
    }
  }
  return { bytes, levels };
}

/** For each node the moves that lead to it, as lists linked through arrays. */
interface Uses {
  /** The last use of each node, -1 for none; `before` goes on from there. */
  readonly last: Int32Array;
  readonly before: Int32Array;
  /** The node that has the move. */
  readonly user: Int32Array;
  /** Bytes of a plain move. */
  readonly cost: Uint8Array;
  /** Start of the called rule, -1 for plain moves; and the node after the call. */
  readonly called: Int32Array;
  readonly returned: Int32Array;
}

function usesOf({ nodes, starts }: Network, usableBytes: readonly boolean[]): Uses {
  let count = 0;
  for (const { byteMoves, freeMoves, calls } of nodes) {
    count += byteMoves.length + freeMoves.length + 2 * calls.length;
  }
  const uses = {
    last: new Int32Array(nodes.length).fill(-1),
    before: new Int32Array(count),
    user: new Int32Array(count),
    cost: new Uint8Array(count),
    called: new Int32Array(count).fill(-1),
    returned: new Int32Array(count),
  };
  let use = 0;
  const add = (target: number, user: number): number => {
    uses.user[use] = user;
    uses.before[use] = uses.last[target] as number;
    uses.last[target] = use;
    return use++;
  };
  const usableFrom = nextUsable(usableBytes);
  for (const [user, { byteMoves, freeMoves, calls }] of nodes.entries()) {
    for (const { low, high, target } of byteMoves) {
      if ((usableFrom[low] as number) <= high) uses.cost[add(target, user)] = 1;
    }
    for (const target of freeMoves) add(target, user);
    for (const { rule, returnNode } of calls) {
      const called = starts[rule] as number;
      for (const target of [called, returnNode]) {
        const index = add(target, user);
        uses.called[index] = called;
        uses.returned[index] = returnNode;
      }
    }
  }
  return uses;
}

/** For each byte the first usable one at or above it; 256 where there is none. */
function nextUsable(usableBytes: readonly boolean[]): Int32Array {
  const next = new Int32Array(256);
  let usable = 256;
  for (let byte = 255; byte >= 0; byte--) {
    if (usableBytes[byte] === true) usable = byte;
    next[byte] = usable;
  }
  return next;
}
