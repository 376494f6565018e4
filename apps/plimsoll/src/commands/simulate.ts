/** `plimsoll simulate`: what users of a scenario feel: queues, latencies, goodput, preemptions. */
import { writeFileSync } from 'node:fs';
import { PlimsollError } from '@plimsoll/foundation';
import { chromeTrace, timelineSvg } from '@plimsoll/simulator';
import { readScenario } from '@plimsoll/simulator/scenario';
import { Command } from 'commander';
import { printJson, printText } from '../output.ts';
import { renderSimulation } from '../render/simulation-text.ts';
import { scenarioFiles } from '../scenario-files.ts';
import { runScenario } from '../scenario-run.ts';

interface SimulateFlags {
  readonly json?: boolean;
  readonly plot?: string;
  readonly trace?: string;
  readonly skipBadRows?: boolean;
}

export function simulateCommand(done: (exitCode: number) => void): Command {
  return describe(new Command('simulate')).action(async (path: string, flags: SimulateFlags) => {
    const scenario = readScenario(path, scenarioFiles);
    const run = await runScenario(scenario, {
      traces: flags.trace !== undefined,
      skipsBadRows: flags.skipBadRows === true,
      readText: scenarioFiles.read,
    });
    if (flags.plot !== undefined) {
      const { model, devices, hardware } = run.answer.scenario;
      write(flags.plot, timelineSvg(run.outcome, `${model} on ${devices} x ${hardware}`));
    }
    if (flags.trace !== undefined) write(flags.trace, chromeTrace(run.outcome));
    if (flags.json === true) printJson(run.answer);
    else printText(renderSimulation(run.answer, run.notes));
    done(run.answer.assert.every(({ holds }) => holds) ? 0 : 3);
  });
}

function describe(command: Command): Command {
  return command
    .description('Simulates a workload: queueing, latency percentiles, goodput, KV cache, preemptions')
    .argument('<scenario>', 'a YAML file (plimsoll schema scenario)')
    .option('--json', 'print the report as JSON (plimsoll schema simulate)')
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
