/** The workbench in a page: records under /data, models as the specs that the build made of them. */
import { modelSpecFromJson } from '@plimsoll/model-files/spec-json';
import { openRegistry } from '@plimsoll/registry/portable';
import { type FetchText, TextCache } from './text-cache.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

export interface PageWorkbench {
  /** Answers a question about models and devices. It fetches every file that the question needs. */
  ask<Result>(question: (workbench: Workbench) => Result): Promise<Result>;
}

/** The build writes the spec of a model here, next to the registry's own files. */
function specPath(modelId: string): string {
  return `specs/${modelId.toLowerCase()}.json`;
}

export function openPageWorkbench(fetchText: FetchText): PageWorkbench {
  const texts = new TextCache(fetchText);
  const workbench = openWorkbench(openRegistry(texts.read), (id) =>
    modelSpecFromJson(texts.read(specPath(id))),
  );
  return { ask: (question) => texts.settle(() => question(workbench)) };
}

let opened: PageWorkbench | undefined;

/** One for all islands of a page, so that each file is fetched once. */
export function sitePageWorkbench(): PageWorkbench {
  opened ??= openPageWorkbench(async (path) => {
    const base = import.meta.env.BASE_URL.replace(/\/$/, '');
    const response = await fetch(`${base}/data/${path}`).catch(() => null);
    return response?.ok === true ? response.text() : null;
  });
  return opened;
}
