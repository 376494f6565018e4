/**
 * The model that a pasted command or a log names. Commands start files on the disk of another machine, so the name is looked up in
 * this order: a file here, a record of the registry whose name is a whole part of the text, the Hub, and the original of a
 * converted checkpoint, in the format that the name states.
 */
import { existsSync } from 'node:fs';
import { PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { modelNames } from '@plimsoll/planner/engines';
import { resolveModel } from '@plimsoll/registry';
import { type Conversion, conversionOf } from './conversions.ts';
import { modelFromReference } from './model-reference.ts';
import { printMessage } from './output.ts';
import type { ReferenceOptions } from './reference-options.ts';

export interface CommandModel {
  readonly spec: ModelSpec;
  /** The name under which the model was found. */
  readonly reference: string;
  /** The weight format in the name, such as `Q4_K_M`; null if it states none. */
  readonly weights: string | null;
}

export async function modelOfCommand(typed: string, options: ReferenceOptions): Promise<CommandModel> {
  const found = async (reference: string, weights: string | null): Promise<CommandModel> => {
    const mixture = options.mixture ?? weights ?? undefined;
    return { spec: await modelFromReference(reference, { ...options, mixture }), reference, weights };
  };
  if (existsSync(typed)) return found(typed, null);
  const names = modelNames(typed);
  const known = names.find(({ name }) => isRecorded(name));
  if (known !== undefined) return found(known.name, known.weights);
  const conversion = names.map(({ name }) => conversionOf(name)).find((candidate) => candidate !== null);
  try {
    if (isForeignPath(typed)) throw unknownFile(typed);
    return await found(typed.replace(/\/+$/, ''), null);
  } catch (error) {
    if (!isUnknown(error) || conversion == null) throw error;
    printMessage(`note: ${typed} is planned as ${conversion.id} with weights in ${conversion.format}`);
    return found(conversion.id, isStoredIn(conversion) ? null : conversion.format);
  }
}

function isRecorded(name: string): boolean {
  try {
    resolveModel(name);
    return true;
  } catch (error) {
    if (error instanceof PlimsollError) return false;
    throw error;
  }
}

/** A path, or a placeholder of a shell. */
function isForeignPath(typed: string): boolean {
  return /^(?:[/~.$<]|[A-Za-z]:\\)/.test(typed);
}

function isUnknown(error: unknown): boolean {
  return (
    error instanceof PlimsollError && ['unknown-model', 'hub-refuses', 'no-such-file'].includes(error.code)
  );
}

/** True if the original is stored in the format already: DeepSeek-R1 is an fp8 checkpoint. */
function isStoredIn({ id, format }: Conversion): boolean {
  const quantization: unknown = Object(resolveModel(id).config).quantization_config;
  return Object(quantization).quant_method === format;
}

function unknownFile(typed: string): PlimsollError {
  return new PlimsollError({
    code: 'unknown-model',
    message: `"${typed}" is no file here, and no part of it is a model of the registry`,
    value: typed,
    limit: 'a registry name, a Hugging Face id or a file of this machine',
    hint: 'name the model before the command: plimsoll plan MODEL --gpu h100 -- COMMAND',
  });
}
