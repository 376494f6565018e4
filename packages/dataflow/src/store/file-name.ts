/**
 * Names of feature files: `run:task` of generation 3 by writer 9f3c... is `run+task.g3.9f3c....safetensors`. The writer
 * keeps names apart where two processes capture the same sample at the same time.
 */

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

/** Returns the last part of an address's path, null if the address is no URL or names no feature file. */
export function fileNameOfAddress(address: string): string | null {
  if (!URL.canParse(address)) return null;
  const name = decodeURIComponentOrEmpty(new URL(address).pathname.split('/').at(-1) ?? '');
  return parseFileName(name) === null ? null : name;
}

function decodeURIComponentOrEmpty(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
