/** The error and the table for a reference that leaves a choice: what the repository has, and what of it fits. */
import { formatBytes, PlimsollError } from '@plimsoll/foundation';
import { renderTable } from '../render/table.ts';
import type { HubReference } from './hub-reference.ts';
import type { HubSettings } from './hub-settings.ts';
import type { ModelChoice } from './model-choice.ts';
import { type FitCheck, judgeCandidates, type ListedModel } from './remote-fit.ts';
import type { Repository } from './repository-files.ts';

/** Models that an error lists; the largest repositories have about 40 quantisations. */
const listedMax = 60;

export interface OpenChoice {
  readonly reference: HubReference;
  readonly repository: Repository;
  readonly candidates: readonly ModelChoice[];
  readonly fit: FitCheck | null;
}

/** The error for a reference that names no model, or several. */
export async function noSingleModel(
  settings: HubSettings,
  { reference, repository, candidates, fit }: OpenChoice,
): Promise<PlimsollError> {
  const { id, variant } = reference;
  if (candidates.length === 0) {
    return new PlimsollError({
      code: 'no-model-files',
      message: `${id} has neither GGUF files nor safetensors with a config.json`,
      value: id,
      limit: 'a repository with .gguf files, or with config.json and model.safetensors',
      hint: `look for a repository such as ${id.split('/')[1] ?? id}-GGUF`,
    });
  }
  const listed = await judgeCandidates(settings, {
    repository,
    candidates: candidates.slice(0, listedMax),
    fit,
  });
  const fitting = listed.filter(({ fits }) => fits === true).at(-1) ?? listed[0];
  return new PlimsollError({
    code: 'no-such-quantisation',
    message:
      variant === null
        ? `${id} has several models, and none in Q4_K_M or Q8_0`
        : `${variant} does not name one model of ${id}`,
    value: variant ?? id,
    limit: listed.map((model) => `${nameOf(model, listed)} ${sizeWords(model)}`).join(', '),
    hint: fitting === undefined ? undefined : `hf:${id}:${nameOf(fitting, listed)}`,
  });
}

/** The quantisation, or the path of the file where several files have this quantisation. */
function nameOf({ choice: { label, main } }: ListedModel, listed: readonly ListedModel[]): string {
  return listed.filter(({ choice }) => choice.label === label).length > 1 ? main : label;
}

function sizeWords({ choice, fits }: ListedModel): string {
  const verdict = fits === null ? '' : fits ? ', fits' : ', does not fit';
  return `(${formatBytes(choice.sizeBytes)}${verdict})`;
}

/** A row of `pull --list --json`. */
export function listedModel(model: ListedModel, listed: readonly ListedModel[]): unknown {
  const { choice, fits } = model;
  return {
    name: nameOf(model, listed),
    files: choice.files.map(({ path }) => path),
    bytes: choice.sizeBytes,
    fits,
  };
}

/** The models of a repository as a table. */
export function renderModels(listed: readonly ListedModel[]): string {
  return renderTable(
    [
      ['model', 'size', 'files', 'fits'],
      ...listed.map((model) => [
        nameOf(model, listed),
        formatBytes(model.choice.sizeBytes),
        String(model.choice.files.length),
        model.fits === null ? 'not known' : model.fits ? 'yes' : 'no',
      ]),
    ],
    ['left', 'right', 'right', 'left'],
  );
}
