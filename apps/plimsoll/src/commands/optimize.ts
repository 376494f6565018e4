/** `plimsoll optimize`: the cheapest deployment that holds the SLOs of a scenario, and the file that starts it. */
import { monotonicClock } from '@plimsoll/foundation';
import { checkExportKind, exportKinds, exportPlan } from '@plimsoll/planner/export';
import { type Objective, objectives } from '@plimsoll/simulator/optimize';
import { parseSlo, readScenario } from '@plimsoll/simulator/scenario';
import { Command } from 'commander';
import { badFlag, collected, wholeFlag } from '../flag-values.ts';
import { runOptimize } from '../optimize-run.ts';
import { printJson, printMessage, printText } from '../output.ts';
import { renderOptimization } from '../render/optimize-text.ts';
import { ProgressLine } from '../render/progress-line.ts';
import { scenarioFiles } from '../scenario-files.ts';

interface OptimizeFlags {
  readonly slo?: string;
  readonly objective: string;
  readonly gpu?: string;
  readonly maxGpus?: number;
  readonly price?: readonly string[];
  readonly export?: string;
  readonly json?: boolean;
  readonly skipBadRows?: boolean;
}

/** Devices of a search that names no limit. */
const usualDevicesMax = 64;

export function optimizeCommand(done: (exitCode: number) => void): Command {
  return describe(new Command('optimize')).action(async (path: string, flags: OptimizeFlags) => {
    if (flags.export !== undefined) checkExportKind(flags.export);
    const objective = objectiveOf(flags.objective);
    const read = readScenario(path, scenarioFiles);
    const scenario = flags.slo === undefined ? read : { ...read, slo: parseSlo(flags.slo) };
    const line = new ProgressLine(monotonicClock, { label: 'searching', waitSeconds: 1 });
    const { answer, exported } = await runOptimize(scenario, {
      objective,
      gpu: flags.gpu,
      price: flags.price,
      // More devices always raise the goodput of a loop of clients, so this search takes those of the scenario.
      devicesMax: flags.maxGpus ?? (objective === 'goodput' ? scenario.count : usualDevicesMax),
      skipsBadRows: flags.skipBadRows === true,
      readText: scenarioFiles.read,
      onProgress: (share, words) => line.show(share, words),
    });
    line.clear();
    if (flags.export !== undefined && exported !== null) {
      printText(exportPlan(flags.export, exported));
      for (const sentence of answer.why) printMessage(sentence);
    } else if (flags.json === true) printJson(answer);
    // The standard output of an export is a file, or nothing.
    else if (flags.export !== undefined) printMessage(renderOptimization(answer));
    else printText(renderOptimization(answer));
    done(exported === null ? 2 : 0);
  });
}

function objectiveOf(text: string): Objective {
  const objective = objectives.find((name) => name === text);
  if (objective === undefined) throw badFlag('objective', text, objectives.join(', '));
  return objective;
}

function describe(command: Command): Command {
  return command
    .description('The cheapest devices, replicas, layout and formats that hold the SLOs of a scenario')
    .argument('<scenario>', 'a YAML file (plimsoll schema scenario)')
    .option(
      '--slo <limits>',
      'such as ttft-p99=500ms,itl-p99=40ms,e2e-p99=20s (default: slo of the scenario)',
    )
    .option('--objective <name>', `what to optimise: ${objectives.join(', ')}`, 'cost')
    .option(
      '--gpu <names>',
      'only these devices, separated by commas (default: every device of the registry)',
    )
    .option(
      '--max-gpus <count>',
      'most devices of all replicas (default: 64; for goodput, count of the scenario)',
      wholeFlag('--max-gpus', 1, 4096),
    )
    .option(
      '--price <gpu=usd>',
      'price of one device per hour, in place of the registry (repeatable)',
      collected,
    )
    .option('--export <kind>', `print the winner as a file in place of the report: ${exportKinds.join(', ')}`)
    .option('--json', 'print the result as JSON (plimsoll schema optimize)')
    .option('--skip-bad-rows', 'leave out rows of a trace that cannot be read, and count them')
    .addHelpText(
      'after',
      `
Candidates are devices x tensor parallelism x expert parallelism x weights x cache types, in as many replicas as hold the
limits. Closed forms exclude candidates that cannot hold a limit, or cannot beat the runner-up; the simulator of plimsoll
simulate runs the others with the workload of the scenario. hardware, count and layout of the scenario do not limit the
search; engine, weights, kv, context, limits and options hold for every candidate. Equal seeds give equal output.

Examples:
  plimsoll optimize examples/single-gpu-chat.yaml --gpu h100,l40s,a100
  plimsoll optimize examples/single-gpu-chat.yaml --slo ttft-p99=500ms,tpot-p99=40ms,e2e-p99=20s --objective gpus --json
  plimsoll optimize examples/single-gpu-chat.yaml --gpu h100 --export kubernetes > deployment.yaml

Exit codes: 0 ok, 1 bad input, 2 nothing holds the limits.`,
    );
}
