/** The model argument of the commands that run models: a local model, or a model of the Hub, downloaded if it fits. */
import { monotonicClock, PlimsollError } from '@plimsoll/foundation';
import { isHubReference, parseHubReference } from './hub/hub-reference.ts';
import type { FitCheck } from './hub/remote-fit.ts';
import { findLocalModel, noSuchFile } from './local-model.ts';

/** For the arguments of commands. */
export const engineModelWords =
  'a .gguf file, a directory with config.json, tokenizer.json and safetensors, or hf:organisation/name[:Q4_K_M][@revision]';

export interface EngineModel {
  /** The GGUF file or the directory that the engine opens. */
  readonly path: string;
  /** The name of a model in a directory; the cache names directories after commits. */
  readonly id?: string;
}

export async function engineModelOf(
  reference: string,
  { fit, offline }: { readonly fit: FitCheck; readonly offline?: boolean | undefined },
): Promise<EngineModel> {
  if (isHubReference(reference)) {
    const hub = parseHubReference(reference);
    const [{ hubSettings }, { pullModel }, { DownloadProgress }] = await Promise.all([
      import('./hub/hub-settings.ts'),
      import('./hub/pull-model.ts'),
      import('./render/download-progress.ts'),
    ]);
    const { path, choice } = await pullModel(hubSettings({ offline }), hub, {
      fit,
      asksForNews: false,
      report: new DownloadProgress(monotonicClock),
    });
    return choice.kind === 'gguf' ? { path } : { path, id: hub.id };
  }
  const local = findLocalModel(reference);
  if (local?.kind === 'gguf' || local?.kind === 'checkpoint') return { path: local.path };
  if (local !== null) {
    throw new PlimsollError({
      code: 'no-weights',
      message: `${local.path} is no model with weights`,
      value: local.path,
      limit: engineModelWords,
      hint: `plimsoll plan ${local.path} needs no weights`,
    });
  }
  const isName = /^[\w.-]+\/[\w.-]+(?:[:@][\w.-]+)*$/.test(reference);
  throw noSuchFile(reference, {
    message: `there is no file or directory "${reference}"; the name of a model is not enough to run it`,
    limit: engineModelWords,
    hint: isName
      ? `hf:${reference} downloads a model of this name from the Hub`
      : 'check the path, or name a model of the Hub: hf:organisation/name; plimsoll plan accepts names',
  });
}
