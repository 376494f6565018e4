/** `plimsoll simulate`: what users of a scenario feel: queues, latencies, goodput, preemptions. */
import { writeFileSync } from 'node:fs';
import { PlimsollError } from '@plimsoll/foundation';
import { chromeTrace, timelineSvg } from '@plimsoll/simulator';
import { readScenario } from '@plimsoll/simulator/scenario';
import { Command } from 'commander';
import { printJson, printText } from '../output.ts';
import { renderSimulationComparison } from '../render/simulation-comparison.ts';
import { renderSimulation } from '../render/simulation-text.ts';
import { scenarioFiles } from '../scenario-files.ts';
import { runScenario, type ScenarioRun } from '../scenario-run.ts';
import type { SimulateAnswer } from '../simulate-schema.ts';
import { compareSimulations } from '../simulation-comparison.ts';

interface SimulateFlags {
  readonly json?: boolean;
  readonly compare?: string;
  readonly plot?: string;
  readonly trace?: string;
  readonly skipBadRows?: boolean;
}

export function simulateCommand(done: (exitCode: number) => void): Command {
  return describe(new Command('simulate')).action(async (path: string, flags: SimulateFlags) => {
    if (flags.compare !== undefined) refuseFiles(flags);
    const run = await runFile(path, flags);
    if (flags.compare !== undefined) return done(await compareWith(flags.compare, run, flags));
    if (flags.plot !== undefined) {
      const { model, devices, hardware } = run.answer.scenario;
      write(flags.plot, timelineSvg(run.outcome, `${model} on ${devices} x ${hardware}`));
    }
    if (flags.trace !== undefined) write(flags.trace, chromeTrace(run.outcome));
    if (flags.json === true) printJson(run.answer);
    else printText(renderSimulation(run.answer, run.notes));
    done(exitCodeOf(run.answer));
  });
}

function runFile(path: string, flags: SimulateFlags): Promise<ScenarioRun> {
  return runScenario(readScenario(path, scenarioFiles), {
    traces: flags.trace !== undefined,
    skipsBadRows: flags.skipBadRows === true,
    readText: scenarioFiles.read,
  });
}

/** A file describes one simulation, and a comparison runs two. */
function refuseFiles(flags: SimulateFlags): void {
  for (const name of ['plot', 'trace'] as const) {
    if (flags[name] === undefined) continue;
    throw new PlimsollError({
      code: 'conflicting-flags',
      message: `--${name} takes one simulation, and --compare runs two`,
      value: `--${name}`,
      hint: `run each scenario with --${name}`,
    });
  }
}

/** Runs the other scenario and prints both; returns the exit code. */
async function compareWith(path: string, run: ScenarioRun, flags: SimulateFlags): Promise<number> {
  const other = await runFile(path, flags);
  const comparison = compareSimulations(run.answer, other.answer);
  if (flags.json === true) printJson(comparison);
  else printText(renderSimulationComparison(comparison));
  return Math.max(exitCodeOf(run.answer), exitCodeOf(other.answer));
}

function exitCodeOf({ assert }: SimulateAnswer): number {
  return assert.every(({ holds }) => holds) ? 0 : 3;
}

function describe(command: Command): Command {
  return command
    .description('Simulates a workload: queueing, latency percentiles, goodput, KV cache, preemptions')
    .argument('<scenario>', 'a YAML file (plimsoll schema scenario)')
    .option('--json', 'print the report as JSON (plimsoll schema simulate)')
    .option('--compare <scenario>', 'run a second scenario, and print both side by side')
    .option('--plot <file>', 'write a timeline as an SVG picture')
    .option('--trace <file>', 'write the steps as a Chrome trace, for chrome://tracing or Perfetto')
    .option('--skip-bad-rows', 'leave out rows of a trace that cannot be read, and count them')
    .addHelpText(
      'after',
      `
The simulator runs the scheduler of plimsoll serve under a virtual clock, with the rules of the named engine. Memory and
step times are those of plimsoll plan. Equal seeds give equal output, byte for byte.

Examples:
  plimsoll simulate examples/single-gpu-chat.yaml
  plimsoll simulate examples/single-gpu-chat.yaml --json --plot timeline.svg
  plimsoll simulate examples/coding-agents.yaml --compare examples/moe-chat.yaml

Exit codes: 0 ok, 1 bad input, 2 does not fit, 3 an assertion of the scenario does not hold.`,
    );
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new PlimsollError(
      {
        code: 'output-not-written',
        message: `${path} cannot be written`,
        value: path,
        hint: 'name a file in a folder that exists',
      },
      { cause: error },
    );
  }
}
