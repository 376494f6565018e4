/** Groups the bytes that every move treats alike. A JSON grammar has about 40 classes, so that its tables are small. */
import type { Network } from './network.ts';

export interface ByteClasses {
  readonly count: number;
  /** Class of each byte. */
  readonly classOf: Uint8Array;
  /** One byte of each class. */
  readonly sampleOf: Uint8Array;
}

export function classifyBytes(network: Network): ByteClasses {
  const starts = new Uint8Array(257);
  starts[0] = 1;
  for (const node of network.nodes) {
    for (const { low, high } of node.byteMoves) {
      starts[low] = 1;
      starts[high + 1] = 1;
    }
  }
  const classOf = new Uint8Array(256);
  const samples: number[] = [];
  for (let byte = 0; byte < 256; byte++) {
    if (starts[byte] === 1) samples.push(byte);
    classOf[byte] = samples.length - 1;
  }
  return { count: samples.length, classOf, sampleOf: Uint8Array.from(samples) };
}
