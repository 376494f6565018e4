/**
 * Derives the names that people type for a model from its Hugging Face id. Every step away from the id adds to the
 * rank, so that `llama-3.1-8b` means the repository of that name and not the instruct model, while `gemma-3-27b`, which
 * is no repository's name, means `gemma-3-27b-it`.
 */
import { nameKey } from './name-key.ts';
import type { NameClaim } from './registry-index.ts';

const explicitAliasRank = 1;

/**
 * Words at the end of an id that name a tuning or a packaging, not a model; dropping a later word of this list costs
 * more.
 */
const tunedSuffix = /-(?:instruct|it|chat)(?:-hf)?$/i;
const rawSuffix = /-(?:hf|base|pt)$/i;
const dateSuffix = /-(?:\d{4}|v0?\.\d)$/i;
/** Prefixes that an organisation adds to the name of its model. */
const ownerPrefix = /^(?:meta-|nvidia-|c4ai-|openai_)/i;

export function withoutOwnerPrefix(bareName: string): string {
  return bareName.replace(ownerPrefix, '');
}

/** Rank steps that put a re-upload or a third party's quantised copy after the original of the same name. */
const reuploadSteps = 20;

/** Returns all name claims of a model: its id, its aliases, and the shortened forms of the part after the slash. */
export function modelNameClaims(model: {
  readonly id: string;
  readonly baseModel: string | null;
  readonly aliases: readonly string[];
}): readonly NameClaim[] {
  const { id, baseModel } = model;
  const distance = baseModel !== null && isCopyOf(id, baseModel) ? reuploadSteps : 0;
  const claims: NameClaim[] = [{ key: nameKey(id), id, rank: 0 }];
  for (const alias of model.aliases) claims.push({ key: nameKey(alias), id, rank: explicitAliasRank });
  const bareName = id.slice(id.indexOf('/') + 1);
  for (const [name, steps] of shortenedNames(bareName)) {
    claims.push({ key: nameKey(name), id, rank: explicitAliasRank + 1 + distance + steps });
  }
  return claims;
}

/** True if another owner's repository carries the base model's name, as re-uploads and quantised copies do. */
function isCopyOf(id: string, baseModel: string): boolean {
  const [owner = '', name = ''] = id.toLowerCase().split('/');
  const [baseOwner = '', baseName = ''] = baseModel.toLowerCase().split('/');
  return owner !== baseOwner && baseName !== '' && name.startsWith(baseName);
}

/**
 * True if a model repeats another model: the same weights quantised, or uploaded by another owner. A tuned model is a
 * model of its own, even if its name only extends the base name: `Llama-3.1-8B-Instruct` is no copy of `Llama-3.1-8B`.
 */
export function isRepackaged(model: {
  readonly id: string;
  readonly baseModel: string | null;
  readonly quantization: string | null;
}): boolean {
  const { id, baseModel, quantization } = model;
  if (baseModel === null) return false;
  const [owner = '', name = ''] = id.toLowerCase().split('/');
  const [baseOwner = '', base = ''] = baseModel.toLowerCase().split('/');
  const hasItsName = name.includes(base.replace(rawSuffix, ''));
  return hasItsName && (quantization !== null || owner !== baseOwner);
}

/** Returns the name and its shortened forms, each with the number of steps that lead to it. */
function shortenedNames(bareName: string): ReadonlyMap<string, number> {
  const found = new Map([[bareName, 0]]);
  // The loop visits entries that it adds to the map, so it shortens every shortened form again.
  for (const [name, steps] of found) {
    const shorter: [string, number][] = [
      [withoutOwnerPrefix(name), 1],
      [name.replace(dateSuffix, ''), 2],
      [name.replace(tunedSuffix, ''), 3],
      [name.replace(rawSuffix, ''), 4],
      [name.replace(/-(?:instruct|it|chat)(?=-)/i, ''), 5], // Mixtral-8x7B-Instruct-v0.1
    ];
    for (const [candidate, cost] of shorter) {
      const known = found.get(candidate);
      if (candidate !== name && (known === undefined || known > steps + cost))
        found.set(candidate, steps + cost);
    }
  }
  return found;
}
