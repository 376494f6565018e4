/**
 * Answers before a download whether the model fits: the planner needs the header alone, which ranges of the remote file
 * give. The need of other quantisations of the same model is estimated by the sizes of their files.
 */
import { formatBytes, PlimsollError } from '@plimsoll/foundation';
import { modelSpecFromGguf, openHttpSource, readGgufUrl } from '@plimsoll/model-files';
import { modelSpecFromRepository } from '@plimsoll/model-files/safetensors';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { configOptions } from '../reference-options.ts';
import type { HubSettings } from './hub-settings.ts';
import type { ModelChoice } from './model-choice.ts';
import { fileAddress, type Repository } from './repository-files.ts';

/** How the caller's engine would hold a model. */
export interface FitCheck {
  readonly memoryBytes: number;
  /** Throws a refusal with numbers if the model does not fit or the engine does not run it. */
  admit(spec: ModelSpec): Promise<void>;
  /** Bytes that the model needs. */
  neededBytes(spec: ModelSpec): Promise<number>;
}

/** Codes of models that an engine runs, in more memory. */
const tooLargeCodes: ReadonlySet<string> = new Set(['over-memory-budget', 'exceeds-arena']);
/** Headers of other quantisations that are read to find one that fits. */
const headersReadMax = 3;

/** How a config is read: the family of an unknown architecture, and replaced values. */
type ReadingOptions = ReturnType<typeof configOptions>;

/** Reads the spec of a model by ranges of its files. */
export async function readRemoteSpec(
  settings: HubSettings,
  { repository, choice: { kind, main } }: Pick<RemoteModel, 'repository' | 'choice'>,
  options: ReadingOptions = {},
): Promise<ModelSpec> {
  const { headers } = settings;
  const { assume } = options;
  const id = `${repository.id}/${main}`;
  if (kind === 'gguf') {
    const model = await readGgufUrl(fileAddress(settings, repository, main), { http: { headers } });
    return modelSpecFromGguf(model, { id, ...(assume !== undefined && { assume }) });
  }
  const names = new Set(repository.files.map(({ path }) => path));
  const open = async (name: string) =>
    names.has(name) ? openHttpSource(fileAddress(settings, repository, name), { headers }) : null;
  const spec = await modelSpecFromRepository(open, { id: repository.id, ...options });
  if (spec !== null) return spec;
  throw new PlimsollError({ code: 'no-config', message: `${repository.id} has no config.json`, value: id });
}

/** Refuses a model that does not fit, and names the largest quantisations of the repository that do. */
export async function admitRemote(
  settings: HubSettings,
  { repository, choice, candidates, fit }: RemoteModel,
): Promise<void> {
  const spec = await readRemoteSpec(settings, { repository, choice });
  try {
    await fit.admit(spec);
  } catch (error) {
    if (!(error instanceof PlimsollError) || !tooLargeCodes.has(error.code)) throw error;
    const needed = await fit.neededBytes(spec);
    const smaller = candidates
      .filter(({ sizeBytes }) => sizeBytes < choice.sizeBytes)
      .filter((other) => estimate(needed, choice, other) <= fit.memoryBytes)
      .toReversed();
    const fitting = await firstFitting(settings, { repository, candidates: smaller, fit });
    const words = fitting.map(
      ({ choice: { label, sizeBytes }, neededBytes }) =>
        `hf:${repository.id}:${label} fits (${formatBytes(sizeBytes)}, needs ${formatBytes(neededBytes)})`,
    );
    const none = candidates.length > 1 && words.length === 0 ? ['no quantisation of it fits'] : words;
    throw new PlimsollError(
      { ...error.toJSON(), hint: [...none, error.hint ?? ''].filter((part) => part !== '').join('; or ') },
      { cause: error },
    );
  }
}

export interface RemoteModel {
  readonly repository: Repository;
  readonly choice: ModelChoice;
  readonly candidates: readonly ModelChoice[];
  readonly fit: FitCheck;
}

interface FittingModel {
  readonly choice: ModelChoice;
  readonly neededBytes: number;
}

/** The first candidates, largest first, whose headers say that they fit. */
async function firstFitting(
  settings: HubSettings,
  { repository, candidates, fit }: Omit<RemoteModel, 'choice'>,
): Promise<readonly FittingModel[]> {
  const fitting: FittingModel[] = [];
  for (const choice of candidates.slice(0, headersReadMax)) {
    try {
      const spec = await readRemoteSpec(settings, { repository, choice });
      await fit.admit(spec);
      fitting.push({ choice, neededBytes: await fit.neededBytes(spec) });
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
    }
  }
  return fitting;
}

export interface ListedModel {
  readonly choice: ModelChoice;
  /** Null if the header does not say, such as for an architecture that the engine does not run. */
  readonly fits: boolean | null;
}

/** The models of a repository, each with the answer whether it fits; one header is read. */
export async function judgeCandidates(
  settings: HubSettings,
  { repository, candidates, fit }: Omit<RemoteModel, 'choice' | 'fit'> & { readonly fit: FitCheck | null },
): Promise<readonly ListedModel[]> {
  const [smallest] = candidates;
  if (smallest === undefined || fit === null) return candidates.map((choice) => ({ choice, fits: null }));
  try {
    const needed = await fit.neededBytes(await readRemoteSpec(settings, { repository, choice: smallest }));
    return candidates.map((choice) => ({
      choice,
      fits: estimate(needed, smallest, choice) <= fit.memoryBytes,
    }));
  } catch (error) {
    if (error instanceof PlimsollError) return candidates.map((choice) => ({ choice, fits: null }));
    throw error;
  }
}

/** Weights take about the bytes of their file; everything else of a model is equal in all quantisations. */
function estimate(neededBytes: number, known: ModelChoice, other: ModelChoice): number {
  return neededBytes - known.sizeBytes + other.sizeBytes;
}
