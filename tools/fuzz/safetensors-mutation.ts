/** Changes one entry of the header of a safetensors file; the data section is as long as the entries say. */
import { type Random, randomInteger } from '@plimsoll/foundation/random';
import { parseSafetensorsHeader } from '@plimsoll/model-files/safetensors';
import { encodeSafetensors, type SafetensorsData } from '@plimsoll/model-files/writing';
import { oddText, pick, place } from './chance.ts';

export function tensorsOf(bytes: Uint8Array): SafetensorsData[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  const { tensors } = parseSafetensorsHeader(bytes.subarray(8, 8 + headerBytes), bytes.byteLength);
  return tensors.map(({ name, type, shape, offset, bytes: size }) => ({
    name,
    type,
    shape,
    data: bytes.subarray(offset, offset + size),
  }));
}

export function encodeTensors(tensors: readonly SafetensorsData[]): Uint8Array {
  return encodeSafetensors(tensors);
}

const elementBytes: Readonly<Record<string, number>> = { F64: 8, F32: 4, F16: 2, BF16: 2, I8: 1, F8_E4M3: 1 };

/** Changes one tensor of a list that the caller owns, and returns a description. */
export function mutateTensors(tensors: SafetensorsData[], random: Random): string {
  const at = place(random, tensors);
  const tensor = at === null ? undefined : tensors[at];
  if (at === null || tensor === undefined) return 'no tensors';
  const other = pick(random, tensors);
  const changes: readonly (() => string)[] = [
    () => {
      tensors.splice(at, 1);
      return `${tensor.name} taken out`;
    },
    () => {
      tensors[at] = { ...tensor, name: pick(random, [`${tensor.name}x`, oddText(random), '__metadata__']) };
      return `${tensor.name} renamed`;
    },
    () => {
      tensors[at] = { ...other, name: tensor.name };
      return `${tensor.name} is a copy of ${other.name}`;
    },
    () => {
      const shape = pick(random, [
        tensor.shape.toReversed(),
        [1, ...tensor.shape],
        tensor.shape.map((size) => Math.ceil(size / 2)),
        tensor.shape.map(() => 0),
        [tensor.shape.reduce((product, size) => product * size, 1)],
        [],
      ]);
      tensors[at] = filled({ ...tensor, shape });
      return `${tensor.name} is [${shape.join(', ')}]`;
    },
    () => {
      const type = pick(random, Object.keys(elementBytes));
      tensors[at] = filled({ ...tensor, type });
      return `${tensor.name} is stored as ${type}`;
    },
    () => {
      const data = tensor.data.slice();
      const byte = pick(random, [0x00, 0xff, 0x7f, 0x80]);
      const from = randomInteger(random, 0, data.length);
      data.fill(byte, from, from + randomInteger(random, 1, data.length));
      tensors[at] = { ...tensor, data };
      return `${tensor.name} holds ${byte} from byte ${from} on`;
    },
  ];
  return pick(random, changes)();
}

function filled(tensor: SafetensorsData): SafetensorsData {
  const count = tensor.shape.reduce((product, size) => product * size, elementBytes[tensor.type] ?? 1);
  const data = new Uint8Array(count);
  data.set(tensor.data.subarray(0, count));
  return { ...tensor, data };
}
