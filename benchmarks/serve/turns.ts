/** Lets servers take turns: every case on each of them, A B A B, while the other servers are idle. */
import { loadFigures, stepFigures } from './figures.ts';
import type { LoadCase, LoadOptions } from './load-case.ts';
import { runLoad } from './run-load.ts';
import type { CaseResult, TurnFigures } from './serve-record.ts';
import type { ServedModelFile } from './served-models.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import type { ServerName, ServerProgram } from './servers.ts';
import { watchSteps } from './step-watch.ts';

interface Player {
  readonly name: ServerName;
  readonly server: ServerProcess;
}

/** No case has this turn, so its prompts are not measured. */
const warmUpTurn = 999;

export interface TurnOptions {
  readonly cases: readonly LoadCase[];
  readonly turns: number;
  /** Receives what a server printed at its start. */
  readonly started: (program: ServerProgram, output: string) => void;
  readonly finished: (result: CaseResult) => void;
}

export async function takeTurns(
  model: ServedModelFile,
  programs: readonly ServerProgram[],
  { cases, turns, started, finished }: TurnOptions,
): Promise<void> {
  const players: Player[] = [];
  try {
    for (const program of programs) {
      const server = await startServer((port) => program.start(model.path, port));
      players.push({ name: program.name, server });
      started(program, server.output);
    }
    for (const loadCase of cases) {
      const found: Partial<Record<ServerName, TurnFigures[]>> = {};
      for (const player of players) await warmUp(player, loadCase, model);
      for (let turn = 0; turn < turns; turn++) {
        // Each server begins as often as the other.
        for (const player of turn % 2 === 0 ? players : players.toReversed()) {
          const figures = await takeTurn(player, loadCase, { ...model, turn });
          found[player.name] = [...(found[player.name] ?? []), figures];
        }
      }
      process.stderr.write(`  ${model.name}, ${loadCase.name}: ${progress(found)}\n`);
      finished({ model: model.name, loadCase: loadCase.name, turns: found });
    }
  } finally {
    for (const { server } of players) await server.close();
  }
}

/** Two requests for each client, so that code is compiled, programs are prepared, and buffers are touched. */
async function warmUp(
  { server }: Player,
  loadCase: LoadCase,
  options: Omit<LoadOptions, 'turn'>,
): Promise<void> {
  const clients = loadCase.clients ?? 2;
  const requests = loadCase.requests({ ...options, turn: warmUpTurn }).slice(0, clients);
  await runLoad(
    server.port,
    requests.map((request) => ({ ...request, outputTokens: 8, atSeconds: 0 })),
    clients,
  );
}

async function takeTurn(
  { name, server }: Player,
  loadCase: LoadCase,
  options: LoadOptions,
): Promise<TurnFigures> {
  const requests = loadCase.requests(options);
  const watch = name === 'plimsoll' ? await watchSteps(server.port) : null;
  const run = await runLoad(server.port, requests, loadCase.clients);
  const steps = watch === null ? null : stepFigures(watch.close());
  const promptTokens = requests.reduce((sum, { prompt }) => sum + prompt.length, 0);
  return {
    ...loadFigures(run, promptTokens),
    rssBytes: server.rssBytes(),
    ...(steps !== null && { steps }),
  };
}

function progress(found: Readonly<Partial<Record<ServerName, readonly TurnFigures[]>>>): string {
  return Object.entries(found)
    .map(([name, turns]) => {
      const rates = turns.map(({ outputTokensPerSecond }) => outputTokensPerSecond.toFixed(0));
      return `${name} ${rates.join(' ')} tokens/s`;
    })
    .join(', ');
}
