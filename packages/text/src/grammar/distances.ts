/**
 * How far each node is from the end of its rule: in bytes, and in further levels of calls on that shortest way. The
 * bytes are what a length budget is checked against; the levels keep the stack below its limit without ever leading
 * into a dead end. Only bytes that are a token by themselves count, so that every shortest way can really be taken; all
 * others are never written, not even inside a longer token. Byte-level tokenizers and those with byte fallback have all.
 */
import { END_NODE, type Network, type NetworkNode } from './network.ts';

export interface Distances {
  /** Bytes from the node to the end of its rule; Infinity where no way leads there. */
  readonly bytes: Float64Array;
  /** Levels of calls on that way, beyond the node's own. */
  readonly levels: Float64Array;
}

export function measureDistances(network: Network, usableBytes: readonly boolean[]): Distances {
  const { nodes } = network;
  const bytes = new Float64Array(nodes.length).fill(Infinity);
  const levels = new Float64Array(nodes.length).fill(Infinity);
  bytes[END_NODE] = 0;
  levels[END_NODE] = 0;
  const usableFrom = nextUsable(usableBytes);
  let changed = true;
  const offer = (index: number, offered: number, level: number): void => {
    const known = bytes[index] as number;
    if (offered > known || (offered === known && level >= (levels[index] as number))) return;
    bytes[index] = offered;
    levels[index] = level;
    changed = true;
  };
  while (changed) {
    changed = false;
    for (let index = 0; index < nodes.length; index++) {
      const node = nodes[index] as NetworkNode;
      for (const { low, high, target } of node.byteMoves) {
        if ((usableFrom[low] as number) > high) continue;
        offer(index, 1 + (bytes[target] as number), levels[target] as number);
      }
      for (const target of node.freeMoves) offer(index, bytes[target] as number, levels[target] as number);
      for (const { rule, returnNode } of node.calls) {
        const start = network.starts[rule] as number;
        const level = Math.max(1 + (levels[start] as number), levels[returnNode] as number);
        offer(index, (bytes[start] as number) + (bytes[returnNode] as number), level);
      }
    }
  }
  return { bytes, levels };
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
