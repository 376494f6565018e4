/**
 * Names of feature files: `run:task` of generation 3 by writer 9f3c... is `run+task.g3.9f3c....safetensors`. The writer
 * keeps names apart where two processes capture the same sample at the same time.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { SampleRef } from '../contracts/sample-ref.ts';

export interface FeatureFileName {
  readonly sampleId: string;
  readonly generation: number;
  readonly writer: string;
}

const nameForm = /^([A-Za-z0-9][A-Za-z0-9._+-]*)\.g([1-9]\d{0,14})\.([0-9a-f]{16})\.safetensors$/;

/** Ending of a file that is still being written, or whose writer has died. */
export const unfinishedEnding = '.unfinished';

export function formatFileName({ sampleId, generation, writer }: FeatureFileName): string {
  // Windows forbids colons in names, and ids contain no plus sign.
  return `${sampleId.replaceAll(':', '+')}.g${generation}.${writer}.safetensors`;
}

/** Returns null for a file that is no published feature file. */
export function parseFileName(name: string): FeatureFileName | null {
  const [, id, generation, writer] = nameForm.exec(name) ?? [];
  if (id === undefined || writer === undefined) return null;
  return { sampleId: id.replaceAll('+', ':'), generation: Number(generation), writer };
}

/**
 * Returns the name in the address of a ref. The rest of the address may differ between machines, such as the mount point of
 * a shared folder. Throws `bad-feature-address`.
 */
export function fileNameOfRef({ sampleId, file }: SampleRef): string {
  const path = URL.canParse(file.address) ? new URL(file.address).pathname : '';
  const name = decodedOrEmpty(path.split('/').at(-1) ?? '');
  const parsed = parseFileName(name);
  if (parsed?.sampleId === sampleId && parsed.generation === file.generation) return name;
  throw new PlimsollError({
    code: 'bad-feature-address',
    message: `the address of sample ${sampleId} does not name its feature file`,
    value: file.address.slice(0, 200),
    limit: formatFileName({ sampleId, generation: file.generation, writer: '<writer>' }),
    hint: 'pass the ref as the store returned it',
  });
}

function decodedOrEmpty(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
