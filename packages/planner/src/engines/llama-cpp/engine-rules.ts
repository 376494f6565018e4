/**
 * Changes of llama.cpp by build number. A rule holds from a build on. Build numbers grow by one per commit of
 * https://github.com/ggml-org/llama.cpp, so that a date gives a build to within days.
 */

export interface EngineRules {
  readonly build: number;
  /** Sliding-window layers have a cache of their own, as long as the window (PR 13194). */
  readonly separateWindowCache: boolean;
  /** Cells are padded to this without flash attention; with it, or since PR 17046, to 256. */
  readonly cellPadding: (flashAttention: boolean) => number;
  /** The window cache is always padded to 256 cells (issue 17037). */
  readonly windowPadding: (flashAttention: boolean) => number;
  /** Latent attention is cached as a latent when the file stores absorbed matrices (PR 12801). */
  readonly latentCache: boolean;
  /** The latent is cached once, not as keys and again as values (PR 19067). */
  readonly latentValuesShared: boolean;
  /** Gate and up are combined by one operation with a result of its own, not in place (PR 14158). */
  readonly fusedGatedUnit: boolean;
  /** Cache rows are addressed by index inputs; without flash attention one per value element (PR 14285). */
  readonly rowIndexInputs: boolean;
  /** Sequences have caches of their own unless the cache is unified (PR 14363). */
  readonly streams: boolean;
  /** The worst-case graph has one sequence per slot, also with a unified cache. */
  readonly reservesSequences: boolean;
  /** Graphs have an input for ready embeddings beside the token ids (PR 18550). */
  readonly embeddingInput: boolean;
  /** The attention mask is made in F16 for flash attention, instead of being converted. */
  readonly halfMask: boolean;
  /** Families with prediction heads pick the rows of their logits after the last layer. */
  readonly lateRows: boolean;
  /** Quantised caches hold rotated rows: queries, keys and values pass a Hadamard product (PR 21038). */
  readonly rotatesQuantisedCache: boolean;
  /** The server asks for as many logits rows as it has slots, not one per token of a batch. */
  readonly serverLimitsOutputs: boolean;
  /** Flash attention is used whenever the backend has it, unless switched off (PR 15434). */
  readonly automaticFlashAttention: boolean;
  /** Without a number of slots the server takes four slots with one unified cache (PR 16736). */
  readonly automaticSlots: boolean;
  /** Files name and quantise fused qkv matrices like value matrices. */
  readonly fusedCountsAsValue: boolean;
  /** Queries, keys and values are copied out of a fused product. */
  readonly copiesFusedParts: boolean;
  /** Values alone are copied out of a fused product. */
  readonly copiesFusedValues: boolean;
  /** Parts of the latent are copied out before they are normalised or rotated (before PR 12801). */
  readonly copiesLatentParts: boolean;
  /** The server keeps one sequence more than it has slots, for the system prompt (before PR 9857). */
  readonly serverSystemSequence: boolean;
  /** `-ngl` counts the head before the layers, so that a single layer offloaded is the head. */
  readonly headOffloadedFirst: boolean;
  /** The engine moves layers and experts to host memory, and shortens an open context, to leave memory free. */
  readonly fits: boolean;
  /** An open context is the training length times the slots, not the training length for all slots (PR 27496). */
  readonly fitsContextOfEverySlot: boolean;
  /** If compute buffers do not fit on several devices, the engine tries again without pipelining (sched_reserve). */
  readonly retriesWithoutPipeline: boolean;
  /** Chosen experts are computed one after the other (before PR 6505). */
  readonly expertsOneByOne: boolean;
  /** Values are computed before keys in a layer. */
  readonly valuesBeforeKeys: boolean;
  /** Expert weights are computed before the experts (PR 16649). */
  readonly earlyExpertWeights: boolean;
  /** The CPU keeps weights of some types in an interleaved form, in a buffer of their own. */
  readonly repacksWeights: boolean;
  /** Layer weights of a file are in order of layer and name (PR 9863). */
  readonly sortedFiles: boolean;
  /** Sparse indexers have a cache of keys and choose tokens (PR 21149). */
  readonly sparseIndexers: boolean;
  /** One operation scores the entries of an indexer, without a matrix of scores per head. */
  readonly fusedIndexer: boolean;
  /** The server keeps prompts in host memory, up to 8 GiB by default (PR 16391). */
  readonly keepsPrompts: boolean;
  /** `--split-mode row` leaves caches and small tensors on the device of their layer, not on the main device (PR 10026). */
  readonly rowsByLayer: boolean;
  /** `--split-mode row` divides no matrices of three dimensions (PR 13919). */
  readonly rowsOfMatricesOnly: boolean;
  /** `--split-mode row` ends the start, because no backend has split buffers but SYCL (PR 24216; issue 25594). */
  readonly refusesRows: boolean;
  /** `--split-mode tensor` divides matrices, caches and states by heads (PR 19378). */
  readonly dividesTensors: boolean;
  /** That mode takes quantised caches (issue 23567; the guard was gone by June 2026). */
  readonly dividesQuantisedCache: boolean;
  /** The recurrent state of hybrid models follows the fused delta-net operation. */
  readonly fusedDeltaNet: boolean;
}

/** Dates of builds, which place logs that print no build number. */
const dated: readonly (readonly [string, number])[] = [
  ['2023-11-01', 1470],
  ['2024-04-17', 2688],
  ['2024-10-07', 3892],
  ['2025-01-07', 4435],
  ['2025-03-24', 4905],
  ['2025-05-03', 5274],
  ['2025-07-01', 5781],
  ['2025-08-14', 6168],
  ['2025-10-07', 6699],
  ['2025-12-17', 7445],
  ['2026-04-01', 8586],
  ['2026-07-01', 9849],
  ['2026-08-25', 10615],
  ['2026-09-08', 10864],
  ['2026-09-28', 11180],
];

/** The newest release whose source was read, and its build, interpolated from its date. */
export const newestRelease = 'v0.5.0';
export const newestBuild = 11180;

/** Builds of releases with a version, interpolated from their dates. */
const releaseBuilds: readonly (readonly [string, number])[] = [
  ['0.1.0', 10335],
  ['0.2.0', 10530],
  ['0.3.0', 10620],
  ['0.4.0', 10905],
  ['0.5.0', newestBuild],
];

export function rulesOfBuild(build: number): EngineRules {
  const from = (first: number): boolean => build >= first;
  const padding = (flashAttention: boolean): number => (flashAttention || from(6970) ? 256 : 32);
  return {
    build,
    separateWindowCache: from(5434),
    cellPadding: padding,
    windowPadding: (flashAttention) => (from(6970) ? 256 : padding(flashAttention)),
    latentCache: from(5133),
    latentValuesShared: from(7850),
    fusedGatedUnit: from(5776),
    rowIndexInputs: from(5826),
    streams: from(5913),
    reservesSequences: from(6700),
    embeddingInput: from(7640),
    halfMask: from(9000),
    lateRows: from(9500),
    rotatesQuantisedCache: from(8610),
    serverLimitsOutputs: from(9500),
    automaticFlashAttention: from(6325),
    automaticSlots: from(7160),
    fusedCountsAsValue: from(8100),
    copiesFusedParts: !from(5556),
    copiesFusedValues: !from(8200),
    copiesLatentParts: !from(5133),
    serverSystemSequence: !from(3912),
    headOffloadedFirst: from(7410),
    fits: from(7410),
    retriesWithoutPipeline: from(7800),
    fitsContextOfEverySlot: from(10615),
    expertsOneByOne: !from(2700),
    valuesBeforeKeys: from(6900),
    earlyExpertWeights: from(6800),
    repacksWeights: from(4300),
    sortedFiles: from(3990),
    sparseIndexers: from(9600),
    fusedIndexer: from(10400),
    keepsPrompts: from(6725),
    rowsByLayer: from(3990),
    rowsOfMatricesOnly: from(5506),
    refusesRows: from(9890),
    dividesTensors: from(8700),
    dividesQuantisedCache: from(9488),
    fusedDeltaNet: from(8200),
  };
}

/**
 * The build of a version: `b5192`, `5192`, `v0.5.0`, `0.5.0`. A version after the newest known one is the newest known build
 * plus one, so that it counts as newer. Null for other texts.
 */
export function buildOfVersion(version: string): number | null {
  const build = /^b?(\d{1,6})$/.exec(version)?.[1];
  if (build !== undefined) return Number(build);
  const parts = /^v?(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(version)?.slice(1).map(Number);
  if (parts === undefined) return null;
  const rank = (numbers: readonly number[]): number =>
    numbers.reduce((total, number) => total * 1000 + number, 0);
  const known = releaseBuilds.filter(([text]) => rank(text.split('.').map(Number)) <= rank(parts));
  const [, releaseBuild = 0] = known.at(-1) ?? [];
  const isNewer = rank(parts) > rank((releaseBuilds.at(-1)?.[0] ?? '').split('.').map(Number));
  return isNewer ? newestBuild + 1 : releaseBuild;
}

/** Interpolates the build of a date such as "2025-03-24" between known builds. */
export function buildOfDate(date: string): number {
  const time = Date.parse(date);
  for (let index = 1; index < dated.length; index++) {
    const [lowDate, lowBuild] = dated[index - 1] ?? ['', 0];
    const [highDate, highBuild] = dated[index] ?? ['', 0];
    if (time > Date.parse(highDate) && index < dated.length - 1) continue;
    const share = (time - Date.parse(lowDate)) / (Date.parse(highDate) - Date.parse(lowDate));
    return Math.max(0, Math.min(newestBuild, Math.round(lowBuild + share * (highBuild - lowBuild))));
  }
  return newestBuild;
}
