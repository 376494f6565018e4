/**
 * Tags of Ollama's library. `ollama run qwen3:8b` names a repository of the library and a tag: a size, sometimes a tuning
 * and a mixture (`8b-instruct-q4_K_M`). The data lists the sizes; the tag's own mixture wins over the listed one.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { ggufMixture, type NamedCheckpoint } from './checkpoint-name.ts';
import { nearestNames } from './nearest-name.ts';

export const ollamaLibraryPath = 'ollama-library.json';

export interface OllamaTag {
  /** `llama3.1:8b`. */
  readonly tag: string;
  /** Id of the record. */
  readonly model: string;
  /** Mixture of the tag's file; absent if no source states its size. */
  readonly weights?: string;
  /** Size of the file as the library prints it, with two digits. */
  readonly fileGigabytes?: number;
  /** True for the tag that the bare name means. */
  readonly latest?: true;
  /** Other spellings of the part after the colon. */
  readonly alsoTagged?: readonly string[];
}

/** `ollama.com/library/` may precede the name of a model of the library. */
const libraryPrefix = /^(?:(?:registry\.)?ollama\.(?:ai|com)\/)?library\//i;
/** Words of a tag that name the tuned model, which the listed size means already. */
const tunedWords = /-(?:instruct|it|chat)$/;
/** Formats of Ollama's MLX runner, which plans do not model. */
const mlxWords = /-(?:mlx(?:-\w+)?|mxfp8|mxfp4|nvfp4|int4|int8)$/;

/** True for a name such as `llama3.1:8b`; with a slash before the colon, the name is a repository of a Hub. */
export function isOllamaTag(name: string): boolean {
  return /^[\w.-]+:[\w.-]+$/.test(name.replace(libraryPrefix, ''));
}

/**
 * Returns the record and mixture of a tag; the bare name means its latest tag. Null if the library has no such model.
 * Throws `unknown-ollama-tag` for another tag of a known model and `uncertain-weights` for a tag of unknown mixture.
 */
export function findOllamaTag(typed: string, library: readonly OllamaTag[]): NamedCheckpoint | null {
  const [name = '', tag = 'latest'] = typed.trim().replace(libraryPrefix, '').toLowerCase().split(':');
  const rows = library.filter((row) => row.tag.startsWith(`${name}:`));
  if (rows.length === 0) return null;
  const { stem, mixture } = splitMixture(tag);
  const row = rows.find((candidate) => isNamed(candidate, stem));
  if (row === undefined) throw unknownTag(typed, { tag, rows });
  const weights = mixture ?? row.weights;
  if (weights !== undefined) {
    const isListed = weights === row.weights && row.fileGigabytes !== undefined;
    return { id: row.model, weights, ...(isListed && { fileGigabytes: row.fileGigabytes }) };
  }
  throw new PlimsollError({
    code: 'uncertain-weights',
    message: `"${typed}" is ${row.model}, and no source states its mixture`,
    value: typed,
    limit: 'a tag that names its mixture',
    hint: `${name}:${tag}-q4_K_M, or ${row.model} with --weights`,
  });
}

function splitMixture(tag: string): { readonly stem: string; readonly mixture: string | null } {
  const dash = tag.lastIndexOf('-');
  const mixture = ggufMixture(tag.slice(dash + 1));
  return mixture === null ? { stem: tag, mixture } : { stem: tag.slice(0, Math.max(dash, 0)), mixture };
}

function isNamed(row: OllamaTag, stem: string): boolean {
  const own = row.tag.slice(row.tag.indexOf(':') + 1);
  const names = [own, ...(row.alsoTagged ?? [])];
  if (stem === 'latest' || stem === '') return row.latest === true;
  return names.includes(stem) || names.includes(stem.replace(tunedWords, ''));
}

function unknownTag(
  typed: string,
  { tag, rows }: { readonly tag: string; readonly rows: readonly OllamaTag[] },
): PlimsollError {
  const known = rows.map((row) => row.tag);
  const nearest = nearestNames(typed.toLowerCase(), known, 5).join(', ');
  if (/(?:^|-)cloud$/.test(tag)) {
    return new PlimsollError({
      code: 'not-a-local-model',
      message: `"${typed}" runs on Ollama's own machines`,
      value: typed,
      limit: 'a tag whose file Ollama downloads',
      hint: `choose one of ${nearest}`,
    });
  }
  const isMlx = mlxWords.test(tag);
  return new PlimsollError({
    code: isMlx ? 'uncertain-weights' : 'unknown-ollama-tag',
    message: isMlx
      ? `"${typed}" is stored for Ollama's MLX runner, which plans do not model`
      : `the registry knows no tag "${tag}" of this model of Ollama's library`,
    value: typed,
    limit: `known tags: ${known.join(', ')}`,
    hint: `choose one of ${nearest}`,
  });
}
