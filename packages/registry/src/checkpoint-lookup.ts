/** Finds the record of a checkpoint by the name that a command, a log or a person gives it. */
import { PlimsollError } from '@plimsoll/foundation';
import { type NamedCheckpoint, type NameReading, nameReadings } from './checkpoint-name.ts';
import type { NameLookup } from './name-lookup.ts';
import { findOllamaTag, isOllamaTag, type OllamaTag } from './ollama-library.ts';
import type { ModelRow } from './registry-index.ts';

/**
 * Resolves a name in this order: tags of Ollama's library, a record, the shorter names that the name contains. The error
 * for an unknown name suggests records and takes none.
 */
export function checkpointNamed(
  name: string,
  models: NameLookup<ModelRow>,
  library: () => readonly OllamaTag[],
): NamedCheckpoint {
  const tagged = isOllamaTag(name) ? findOllamaTag(name, library()) : null;
  if (tagged !== null) return tagged;
  const row = models.match(name);
  if (row !== null) return { id: row.id, weights: null };
  for (const reading of nameReadings(name)) {
    const read = models.match(reading.name);
    if (read !== null) return checkpointOf(name, reading, read);
  }
  throw unknownName(name, models, library);
}

/** The error of the look-up. A bare name of Ollama's library is not taken, because other engines have no such names. */
function unknownName(
  name: string,
  models: NameLookup<ModelRow>,
  library: () => readonly OllamaTag[],
): PlimsollError {
  const error = models.unknown(name);
  const start = `${name.toLowerCase()}:`;
  const latest = library().find((row) => row.latest === true && row.tag.startsWith(start));
  if (latest === undefined) return error;
  const hint = `${error.hint} In Ollama's library, ${start}latest is ${latest.model}`;
  return new PlimsollError({ ...error.toJSON(), hint });
}

function checkpointOf(name: string, reading: NameReading, row: ModelRow): NamedCheckpoint {
  if (reading.isMlx) {
    throw new PlimsollError({
      code: 'uncertain-weights',
      message: `"${name}" is ${row.id} in bits of MLX, which no weight format of a plan has`,
      value: name,
      limit: 'a format that --weights takes',
      hint: `${row.id} with --weights Q4_0, which has the 4.5 bits of MLX's 4bit, or another format`,
    });
  }
  // DeepSeek-R1 is published in fp8, so that DeepSeek-R1-FP8 is DeepSeek-R1. A GGUF file has a format of its own.
  const stored = row.quantization ?? 'bf16';
  const isOwn = reading.weights?.toLowerCase() === stored && !/gguf/i.test(name);
  return { id: row.id, weights: isOwn ? null : reading.weights };
}
