/**
 * Returns the names under which a registry may list the model of a command, which is often a path on a disk. Each name
 * is a whole part of the typed text, so that a found record is the named model and never a model with a similar name.
 */
import { isGgufMixture } from '../../gguf-recipes/file-type.ts';
import { modelNameCandidates } from '../../gguf-recipes/model-name.ts';

export interface ModelName {
  readonly name: string;
  /** The format in the typed name, such as `Q4_K_M`; null if it has none. */
  readonly weights: string | null;
}

/** Lists the names of a typed model, the most likely first. */
export function modelNames(typed: string): readonly ModelName[] {
  const path = typed.replaceAll('\\', '/').replace(/\/+$/, '');
  const cached = /models--([^/]+?)--([^/]+)/.exec(path);
  if (cached !== null) return [{ name: `${cached[1]}/${cached[2]}`, weights: null }];
  const [whole = '', mixture = null] = splitMixture(path);
  const parts = whole.split('/').filter((part) => part !== '' && part !== '.' && part !== '~');
  const last = parts.at(-1) ?? '';
  const owner = parts.at(-2);
  const withOwner = owner === undefined ? [] : [`${owner}/${last}`];
  const stem = last.replace(/\.gguf$/i, '').replace(/-\d{5}-of-\d{5}$/, '');
  const bare = stem.replace(/[-_.]GGUF$/i, '');
  const weights = mixture ?? mixtureIn(bare);
  // Trained for 4 bits, of the same shape.
  const trained = /-qat$/i.test(bare) ? [bare.slice(0, -'-qat'.length)] : [];
  const names = [
    ...withOwner,
    last,
    bare,
    ...trained,
    ...(weights === null ? [] : modelNameCandidates(bare)),
  ];
  return [...new Set(names)].map((name) => ({ name, weights }));
}

/** Splits `repository:Q4_K_M`; any other word after the colon is part of the name. */
function splitMixture(path: string): readonly [string, (string | null)?] {
  const colon = path.lastIndexOf(':');
  const tag = colon > path.lastIndexOf('/') ? path.slice(colon + 1) : '';
  if (isMixture(tag)) return [path.slice(0, colon), tag];
  // `8b-instruct-q4_K_M`: the mixture is the last part of a tag.
  const [, rest, ending] = /^(.*)-([^-]+)$/.exec(tag) ?? [];
  return ending !== undefined && isMixture(ending) ? [`${path.slice(0, colon)}:${rest}`, ending] : [path];
}

/** Returns the mixture at the end of a file's name; null if there is none. */
function mixtureIn(stem: string): string | null {
  const pieces = stem.split(/[-.]/);
  const ending = pieces.at(-1) ?? '';
  const withPrefix = pieces.slice(-2).join('-');
  return [withPrefix, ending].find(isMixture) ?? null;
}

function isMixture(text: string): boolean {
  return /^(?:UD-)?(?:I?Q\d|TQ\d|B?F16|F32|MXFP4)\w*$/i.test(text) && isGgufMixture(text);
}
