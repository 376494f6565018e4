/**
 * Chooses the files of one model in a repository: one quantisation of the GGUF files with all its parts, or the checkpoint
 * in safetensors with the files that its tokenizer needs.
 */
import type { RepositoryFile } from './repository-files.ts';

/** Taken in this order if a reference names no quantisation. */
const usualQuantisations = ['Q4_K_M', 'Q8_0'] as const;
/** Parts of other models: vision towers, calibration data, drafters' heads. */
const otherParts = /mmproj|imatrix/i;
const partForm = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;
/** A quantisation or element type in a file name: Q4_K_M, UD-IQ2_XXS, BF16, MXFP4_MOE. */
const quantisationForm =
  /(?<![a-z0-9])(?:UD-)?(?:I?Q\d(?:_[a-z0-9]+)*|TQ\d_\d|BF16|F16|F32|FP16|FP32|MXFP4(?:_[a-z0-9]+)*)(?![a-z0-9])/gi;

export interface ModelChoice {
  readonly kind: 'gguf' | 'safetensors';
  /** `Q4_K_M`, or the path of the file if its name states no quantisation. */
  readonly label: string;
  /** The file that names the model: the first part of a GGUF model, or config.json. */
  readonly main: string;
  readonly files: readonly RepositoryFile[];
  readonly sizeBytes: number;
}

export interface Choices {
  /** Null if the repository has no model of this name, or several. */
  readonly chosen: ModelChoice | null;
  /** What a reference can name: the matches if several match, else all models of the repository. */
  readonly candidates: readonly ModelChoice[];
}

export function chooseModel(files: readonly RepositoryFile[], variant: string | null): Choices {
  const models = ggufModels(files);
  if (variant !== null) {
    const matches = matching(models, variant);
    const [only] = matches;
    if (only !== undefined && matches.length === 1) return { chosen: only, candidates: models };
    return { chosen: null, candidates: matches.length > 1 ? matches : models };
  }
  for (const quantisation of usualQuantisations) {
    const [usual, ...others] = matching(models, quantisation);
    if (usual !== undefined && others.length === 0) return { chosen: usual, candidates: models };
  }
  const checkpoint = safetensorsModel(files);
  const [only] = models;
  return { chosen: checkpoint ?? (models.length === 1 ? (only ?? null) : null), candidates: models };
}

/** The models in GGUF files, each with all its parts, smallest first. An incomplete set of parts is no model. */
export function ggufModels(files: readonly RepositoryFile[]): readonly ModelChoice[] {
  const ggufs = files.filter(({ path }) => /\.gguf$/i.test(path) && !otherParts.test(path));
  const byStem = Map.groupBy(ggufs, ({ path }) => {
    const [, stem, , count] = partForm.exec(path) ?? [];
    return stem === undefined ? path : `${stem} ${count}`;
  });
  return [...byStem.values()]
    .map((parts) => parts.toSorted((left, right) => (left.path < right.path ? -1 : 1)))
    .filter(isWhole)
    .map((parts): ModelChoice => {
      const main = parts[0]?.path ?? '';
      return {
        kind: 'gguf',
        label: quantisationOf(main) ?? main,
        main,
        files: parts,
        sizeBytes: sizeOf(parts),
      };
    })
    .toSorted((left, right) => left.sizeBytes - right.sizeBytes);
}

function isWhole(parts: readonly RepositoryFile[]): boolean {
  return parts.every(({ path }, index) => {
    const [, , number, count] = partForm.exec(path) ?? [];
    return number === undefined || (Number(number) === index + 1 && Number(count) === parts.length);
  });
}

function sizeOf(files: readonly RepositoryFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** The last quantisation in the path: a folder may name one too. */
function quantisationOf(path: string): string | null {
  return path.match(quantisationForm)?.at(-1)?.toUpperCase() ?? null;
}

/** Models with this path, or else with this quantisation as a whole word of their path. */
function matching(models: readonly ModelChoice[], variant: string): readonly ModelChoice[] {
  const named = models.filter(({ files }) => files.some(({ path }) => path === variant));
  if (named.length > 0) return named;
  const word = variant.toUpperCase();
  const found = models.filter(({ main }) => hasWord(main.toUpperCase().replace(/\.GGUF$/, ''), word));
  // `UD-Q4_K_M` contains the word Q4_K_M too, but the plain mixture is meant.
  const plain = found.filter(({ label }) => label.startsWith('UD-') === word.startsWith('UD-'));
  return plain.length > 0 ? plain : found;
}

function hasWord(text: string, word: string): boolean {
  // `model_q4_k_m` separates by an underscore, which is also a part of words: K_M is no word of Q4_K_M.
  const canFollowUnderscore = /^[A-Z]+\d/.test(word);
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const before = at === 0 ? ' ' : (text[at - 1] ?? ' ');
    const after = text[at + word.length] ?? ' ';
    const starts = canFollowUnderscore ? !/[A-Z0-9]/.test(before) : !/[A-Z0-9_]/.test(before);
    if (starts && !/[A-Z0-9_]/.test(after)) return true;
  }
  return false;
}

/** Small files that a tokenizer, a template or a config needs. Other repositories' folders hold other formats. */
const sidecars = /^(?:[\w.-]+\.json|[\w.-]+\.jinja|merges\.txt|tokenizer\.model)$/i;
const indexName = 'model.safetensors.index.json';
const wholeName = 'model.safetensors';

/** The checkpoint of a repository as the engine reads it; null if there is none. */
export function safetensorsModel(files: readonly RepositoryFile[]): ModelChoice | null {
  const names = new Set(files.map(({ path }) => path));
  if (!names.has('config.json')) return null;
  const isShard = names.has(indexName)
    ? (path: string) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(path)
    : (path: string) => path === wholeName;
  const weights = files.filter(({ path }) => isShard(path));
  if (weights.length === 0) return null;
  const others = files.filter(
    ({ path }) => sidecars.test(path) && (path.endsWith('.index.json') ? path === indexName : true),
  );
  const chosen = [...others, ...weights];
  return {
    kind: 'safetensors',
    label: 'safetensors',
    main: 'config.json',
    files: chosen,
    sizeBytes: sizeOf(chosen),
  };
}
