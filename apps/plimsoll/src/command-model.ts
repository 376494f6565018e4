/**
 * The model that a command line names. An argument of our own commands is looked up in this order: a file here, a tag of
 * Ollama's library, a record of the registry, the Hub, and the original of a converted checkpoint in the format that the
 * name states. Pasted commands and logs name files on the disk of another machine, so every whole part of their text
 * may name a record.
 */
import { existsSync } from 'node:fs';
import { PlimsollError } from '@plimsoll/foundation';
import { attempt } from '@plimsoll/foundation/attempt';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { modelNames } from '@plimsoll/planner/engines';
import { ggufFileBytes } from '@plimsoll/planner/formats';
import { resolveCheckpoint, resolveDrafter, resolveModel } from '@plimsoll/registry';
import { isHubReference } from './hub/hub-reference.ts';
import { modelFromReference } from './model-reference.ts';
import { printMessage } from './output.ts';
import type { ReferenceOptions } from './reference-options.ts';

export interface NamedModel {
  readonly spec: ModelSpec;
  /** The name under which the model was found. */
  readonly reference: string;
  /** The weight format in the name, such as `Q4_K_M`; null if it states none. */
  readonly weights: string | null;
}

type Checkpoint = ReturnType<typeof resolveCheckpoint>;

/** The model argument of `plan` and `rank`. */
export async function modelOfArgument(typed: string, options: ReferenceOptions): Promise<NamedModel> {
  const isElsewhere =
    isLocal(typed) || isHubReference(typed) || typed.includes('://') || isForeignPath(typed);
  if (isElsewhere || /\.(?:gguf|safetensors|json)$/i.test(typed)) return found(typed, null, options);
  // No Hub has a name without an owner.
  if (!typed.includes('/')) return planned(typed, resolveCheckpoint(typed), options);
  try {
    return await found(typed, null, options);
  } catch (error) {
    if (!isUnknown(error)) throw error;
    const checkpoint = attempt(() => resolveCheckpoint(typed), 'unknown-model');
    // This error says more about an unknown name than the registry's: it has the answer of the Hub.
    if (checkpoint === null) throw error;
    return planned(typed, checkpoint, options);
  }
}

/** The model of a pasted command or of a log. */
export async function modelOfCommand(typed: string, options: ReferenceOptions): Promise<NamedModel> {
  if (isLocal(typed) || isHubReference(typed)) return found(typed, null, options);
  const tagged = /[/\\]/.test(typed) || !typed.includes(':') ? null : attempt(() => resolveCheckpoint(typed));
  if (tagged !== null) return sized(typed, tagged, await found(tagged.id, tagged.weights, options));
  const names = modelNames(typed);
  const known = names.find(({ name }) => isRecorded(name, options));
  if (known !== undefined) return found(known.name, known.weights, options);
  const checkpoint = names
    .map(({ name }) => attempt(() => resolveCheckpoint(name)))
    .find((candidate) => candidate !== null);
  try {
    if (isForeignPath(typed)) throw unknownFile(typed);
    return await found(typed.replace(/\/+$/, ''), null, options);
  } catch (error) {
    if (!isUnknown(error) || checkpoint == null) throw error;
    return planned(typed, checkpoint, options);
  }
}

async function found(
  reference: string,
  weights: string | null,
  options: ReferenceOptions,
): Promise<NamedModel> {
  const mixture = options.mixture ?? weights ?? undefined;
  return { spec: await modelFromReference(reference, { ...options, mixture }), reference, weights };
}

/** Plans the original, and says so where the name states another format than the original has. */
async function planned(
  typed: string,
  checkpoint: Checkpoint,
  options: ReferenceOptions,
): Promise<NamedModel> {
  const { id, weights } = checkpoint;
  if (weights !== null) printMessage(`note: ${typed} is planned as ${id} with weights in ${weights}`);
  return sized(typed, checkpoint, await found(id, weights, options));
}

/** Sizes in libraries have two digits, so that a smaller difference says nothing. */
const printedError = 0.03;

/** Compares the planned file with the size that a library prints for the name, and says a difference. */
function sized(typed: string, { weights, fileGigabytes }: Checkpoint, model: NamedModel): NamedModel {
  if (weights === null || fileGigabytes === undefined) return model;
  const gigabytes = ggufFileBytes(model.spec, weights) / 1e9;
  const more = fileGigabytes / gigabytes - 1;
  if (Math.abs(more) > printedError) {
    const percent = `${Math.abs(more * 100).toFixed(0)} % ${more > 0 ? 'more' : 'less'}`;
    printMessage(
      `note: the library's file of ${typed} has ${fileGigabytes} GB, ${percent} than the ${gigabytes.toFixed(1)} GB of the language model in ${weights}: it may hold a vision tower, prediction layers or other tensor types; a plan of the .gguf is exact`,
    );
  }
  return model;
}

function isRecorded(name: string, { isDrafter }: ReferenceOptions): boolean {
  return attempt(() => (isDrafter === true ? resolveDrafter(name) : resolveModel(name))) !== null;
}

function isLocal(typed: string): boolean {
  return existsSync(typed) || existsSync(`${typed}.gguf`);
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

function unknownFile(typed: string): PlimsollError {
  return new PlimsollError({
    code: 'unknown-model',
    message: `"${typed}" is no file here, and no part of it is a model of the registry`,
    value: typed,
    limit: 'a registry name, a Hugging Face id or a file of this machine',
    hint: 'name the model before the command: plimsoll plan MODEL --gpu h100 -- COMMAND',
  });
}
