/** The safetensors file that a server writes for one prompt: its tokens and their hidden states. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { PlimsollError } from '@plimsoll/foundation';
import { attempt } from '@plimsoll/foundation/attempt';
import { fromBfloat16, fromFloat16 } from '@plimsoll/foundation/half-floats';
import { parseSafetensorsHeader } from '@plimsoll/model-files/safetensors';

export interface StatesFile {
  readonly tokenIds: readonly number[];
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Bytes of the length of a safetensors header. */
const prefixBytes = 8;
const pauseSeconds = 0.02;

/** Waits for a whole file. Throws `states-file`. */
export async function readStatesFile(
  path: string,
  { secondsMax, signal }: { readonly secondsMax: number; readonly signal: AbortSignal | undefined },
): Promise<StatesFile> {
  const deadline = performance.now() + 1000 * secondsMax;
  for (;;) {
    const bytes = await readFile(path).catch(() => null);
    const file = bytes === null ? null : attempt(() => parseStates(path, bytes));
    if (file !== null) return file;
    if (performance.now() > deadline)
      return bytes === null ? missing(path, secondsMax) : parseStates(path, bytes);
    await delay(1000 * pauseSeconds, undefined, { signal });
  }
}

function parseStates(path: string, bytes: Buffer): StatesFile {
  const jsonBytes = bytes.length < prefixBytes ? Number.NaN : Number(bytes.readBigUInt64LE(0));
  const dataOffset = prefixBytes + jsonBytes;
  if (!(dataOffset <= bytes.length)) throw badFile(path, `it has ${bytes.length} bytes`);
  const { tensors } = parseSafetensorsHeader(bytes.subarray(prefixBytes, dataOffset), bytes.length);
  const tensor = (name: string) => {
    const found = tensors.find((one) => one.name === name);
    if (found === undefined) throw badFile(path, `it lacks the tensor ${name}`);
    // A copy, because views of numbers must be aligned.
    return { ...found, data: Uint8Array.from(bytes.subarray(found.offset, found.offset + found.bytes)) };
  };
  const tokens = tensor('token_ids');
  const states = tensor('hidden_states');
  return {
    tokenIds: integers(path, tokens.type, tokens.data),
    shape: states.shape,
    values: floats(path, states.type, states.data),
  };
}

function integers(path: string, type: string, data: Uint8Array<ArrayBuffer>): readonly number[] {
  if (type === 'I64') return Array.from(new BigInt64Array(data.buffer), Number);
  if (type === 'I32') return [...new Int32Array(data.buffer)];
  throw badFile(path, `token_ids has type ${type}`);
}

function floats(path: string, type: string, data: Uint8Array<ArrayBuffer>): Float32Array {
  if (type === 'F32') return new Float32Array(data.buffer);
  if (type === 'BF16') return fromBfloat16(new Uint16Array(data.buffer));
  if (type === 'F16') return fromFloat16(new Uint16Array(data.buffer));
  throw badFile(path, `hidden_states has type ${type}`);
}

function missing(path: string, seconds: number): never {
  throw badFile(path, `it did not appear within ${seconds} s`);
}

function badFile(path: string, problem: string): PlimsollError {
  return new PlimsollError({
    code: 'states-file',
    message: `the hidden states in ${path} cannot be read: ${problem}`,
    value: path,
    limit: 'a safetensors file with token_ids and hidden_states',
    hint: 'check that this machine sees the folder of the server',
  });
}
