import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import { modelSpecToJson } from '@plimsoll/model-files/spec-json';
import { plan, singleDevice } from '@plimsoll/planner';
import { largerHardware } from '@plimsoll/registry/portable';
import { expect, test } from 'vitest';
import { buildWorkbench } from './build-workbench.ts';
import { openPageWorkbench } from './page-workbench.ts';
import type { Workbench } from './workbench.ts';

const data = join(import.meta.dirname, '../../../../packages/registry/data');

/** Serves the site's files to a page's workbench, and records which files it fetched. */
function site(): {
  readonly fetched: string[];
  readonly fetchText: (path: string) => Promise<string | null>;
} {
  const fetched: string[] = [];
  const fetchText = async (path: string): Promise<string | null> => {
    fetched.push(path);
    const spec = /^specs\/(.+)\.json$/.exec(path)?.[1];
    if (spec !== undefined) return modelSpecToJson(buildWorkbench.model(spec));
    return existsSync(join(data, path)) ? readFileSync(join(data, path), 'utf8') : null;
  };
  return { fetched, fetchText };
}

function question(workbench: Workbench): ReturnType<typeof plan> {
  const hardware = workbench.hardware('rtx-4090');
  return plan({
    spec: workbench.model('meta-llama/Llama-3.1-70B-Instruct'),
    hardware,
    parallelism: singleDevice,
    engine: 'vllm',
    workload: { contextTokens: 32_768, users: 4 },
    largerDevices: (bytesMin) => largerHardware(workbench.registry, hardware, bytesMin),
  });
}

test('a page answers as the build does, and fetches no file twice', async () => {
  const { fetched, fetchText } = site();
  const page = openPageWorkbench(fetchText);
  expect(await page.ask(question)).toEqual(question(buildWorkbench));
  expect(await page.ask(question)).toEqual(question(buildWorkbench));
  expect(new Set(fetched).size).toBe(fetched.length);
  expect(fetched.slice(0, 4)).toEqual([
    'hardware-index.json',
    'hardware/rtx-4090.json',
    'model-index.json',
    'specs/meta-llama/llama-3.1-70b-instruct.json',
  ]);
});

test('a name that is none and a file that does not come are told apart', async () => {
  const { fetchText } = site();
  const code = async (answer: Promise<unknown>): Promise<string> => {
    const error = await answer.then(() => null).catch((reason: unknown) => reason);
    return error instanceof PlimsollError ? error.code : String(error);
  };
  expect(await code(openPageWorkbench(fetchText).ask(({ model }) => model('no/such')))).toBe('unknown-model');
  const offline = openPageWorkbench(async () => null);
  expect(await code(offline.ask(question))).toBe('file-unreachable');
});
