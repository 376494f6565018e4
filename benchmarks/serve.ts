/**
 * Speed of `plimsoll serve` under load, side by side with llama.cpp's server: throughput, waiting, memory, HTTP's share.
 *
 *     npm run bench -- serve [--quick] [--models '135M q4_0,0.5B q8_0'] [--cases '8 clients,open loop']
 *                            [--servers plimsoll] [--peer wheel] [--threads 2] [--json]
 *
 * The first run compiles the peer (serve/llama-server.ts), which takes 5 to 30 minutes; `--peer wheel` installs a
 * prebuilt peer without AVX-512. A full run takes about 17 minutes and writes benchmarks/results; a run with a choice
 * of models, cases, servers or threads only prints.
 */
import { parseArgs } from 'node:util';
import { chosen, threadCount } from './record/choices.ts';
import { previousRecord, writeRecord } from './record/record-files.ts';
import { runBenchmark } from './record/run-benchmark.ts';
import { describeRun } from './record/run-description.ts';
import { type PeerBuild, peerBuilds } from './serve/llama-server.ts';
import { type LoadCase, loadCases } from './serve/load-case.ts';
import { renderRecord } from './serve/report.ts';
import type { CaseResult, ServeRecord, ServerNote } from './serve/serve-record.ts';
import { randomModelNames, servedModel, servedModelNames, widelyTested } from './serve/served-models.ts';
import { type ServerName, type ServerProgram, serverNames, serverProgram } from './serve/servers.ts';
import { takeTurns } from './serve/turns.ts';

const usualThreads = 2;
const fullTurns = 2;
const slots = 32;
const context = 1024;
const quickModel = '135M q4_0';

interface Choice {
  readonly isFull: boolean;
  readonly isJson: boolean;
  readonly models: readonly string[];
  /** Null: each model gets its usual cases. */
  readonly cases: readonly string[] | null;
  readonly servers: readonly ServerName[];
  readonly peerBuild: PeerBuild;
  readonly threads: number;
  readonly turns: number;
}

function parseChoice(): Choice {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      models: { type: 'string' },
      cases: { type: 'string' },
      servers: { type: 'string' },
      peer: { type: 'string', default: 'compiled' },
      threads: { type: 'string' },
    },
  });
  const { quick, models, cases, servers, peer, threads } = values;
  const [peerBuild = 'compiled'] = chosen('--peer', peer, peerBuilds);
  const caseNames = loadCases.map(({ name }) => name);
  return {
    isFull: !quick && [models, cases, servers, threads].every((value) => value === undefined),
    isJson: values.json,
    models: chosen(
      '--models',
      models ?? (quick ? quickModel : randomModelNames.join(',')),
      servedModelNames(),
    ),
    cases: cases === undefined ? null : chosen('--cases', cases, caseNames),
    servers: chosen('--servers', servers, serverNames),
    peerBuild,
    threads: threadCount(threads, usualThreads),
    turns: quick ? 1 : fullTurns,
  };
}

function casesOf(model: string, { cases }: Choice): readonly LoadCase[] {
  return loadCases.filter(
    ({ name, isWide }) => cases?.includes(name) ?? (!isWide || widelyTested.includes(model)),
  );
}

type ServerNotes = Partial<Record<ServerName, ServerNote>>;

/** Returns the servers that can run, and notes why each of the others cannot. */
function programsOf({ servers, threads, peerBuild }: Choice, notes: ServerNotes): readonly ServerProgram[] {
  return serverNames.flatMap((name): ServerProgram[] => {
    try {
      if (servers.includes(name)) return [serverProgram(name, { threads, slots, context, peerBuild })];
      notes[name] = { leftOut: 'not asked for' };
    } catch (error) {
      const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
      notes[name] = { leftOut: first };
    }
    return [];
  });
}

async function main(): Promise<void> {
  const choice = parseChoice();
  const run = describeRun('serve', process.argv.slice(2));
  const servers: ServerNotes = {};
  const programs = programsOf(choice, servers);
  const results: CaseResult[] = [];
  const failures: Record<string, string> = {};
  for (const name of choice.models) {
    const finished = (result: CaseResult): void => void results.push(result);
    const started = ({ name: server, shown: command, version }: ServerProgram, output: string): void => {
      servers[server] = { command, version: version(output) };
    };
    const cases = casesOf(name, choice);
    try {
      await takeTurns(servedModel(name), programs, { cases, turns: choice.turns, started, finished });
    } catch (error) {
      // A run takes long, so the record keeps what the other models gave.
      failures[name] = error instanceof Error ? error.message : String(error);
    }
  }
  const used = new Set(results.map(({ loadCase }) => loadCase));
  const record: ServeRecord = {
    run,
    settings: { threads: choice.threads, turns: choice.turns, slots, context },
    servers,
    cases: Object.fromEntries(
      loadCases.filter(({ name }) => used.has(name)).map(({ name, explanation }) => [name, explanation]),
    ),
    results,
    failures,
  };
  const text = renderRecord(record, choice.isFull ? previousRecord<ServeRecord>('serve') : null);
  process.stdout.write(choice.isJson ? `${JSON.stringify(record, null, 2)}\n` : text);
  if (choice.isFull) writeRecord('serve', record, text);
}

await runBenchmark(main);
