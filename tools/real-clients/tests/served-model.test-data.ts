/** For tests of clients: SmolLM2 behind `plimsoll serve`, in a separate process. */
import { defined } from '@plimsoll/foundation';
import { serveProcess } from '../../../apps/plimsoll/src/served-process.test-data.ts';
import { findRealModel, realModelFolder, realModels } from '../../real-models/real-model.ts';

const id = 'smollm2-135m-instruct-q4_1';
const model = defined(
  realModels.find((one) => one.id === id),
  `models.json lists ${id}`,
);
const path = findRealModel(model, realModelFolder(process.env));

/** Where the model's file is absent, its tests are skipped; the set-up has printed the reason. */
export const isModelAbsent = path === undefined;

/** The name that clients ask for. */
export const modelName = 'smol';

export interface ServedModel {
  readonly url: string;
  /** Requests that wait, run or pause, and blocks that they own. */
  held(): Promise<{ readonly requests: number; readonly blocks: number }>;
  close(): void;
}

interface LedgerAnswer {
  readonly cache: readonly { readonly owned: number }[];
  readonly sequences: Readonly<Record<'waiting' | 'running' | 'paused', number>>;
}

export async function serveModel(more: readonly string[] = []): Promise<ServedModel> {
  const limits = ['--memory', '1GiB', '--ctx', '2k', '--threads', '2', '--max-seqs', '8'];
  const flags = [...limits, '--alias', modelName, '--quiet', ...more];
  const { url, child } = await serveProcess(flags, defined(path, 'tests of an absent model are skipped'));
  return {
    url,
    async held() {
      const ledger = (await (await fetch(`${url}/v1/ledger`)).json()) as LedgerAnswer;
      return {
        requests: Object.values(ledger.sequences).reduce((sum, count) => sum + count, 0),
        blocks: ledger.cache.reduce((sum, { owned }) => sum + owned, 0),
      };
    },
    close: () => void child.kill('SIGKILL'),
  };
}

/** Waits until a request runs. */
export async function untilRunning(server: ServedModel): Promise<void> {
  await until(async () => (await server.held()).blocks > 0, 'a request owns blocks');
}

/** Waits until no request is left and every block is free or cached. Fails long before the request would have ended. */
export async function untilFreed(server: ServedModel): Promise<void> {
  await until(async () => {
    const { requests, blocks } = await server.held();
    return requests === 0 && blocks === 0;
  }, 'the aborted request has freed its blocks');
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const endAt = performance.now() + 5000;
  while (!(await condition())) {
    if (performance.now() > endAt) throw new Error(`it took too long until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Returns what a promise was rejected with; null if it was fulfilled. */
export async function rejection(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise;
    return null;
  } catch (error) {
    return error;
  }
}
