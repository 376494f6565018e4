/** `plimsoll explain-log`: compares the log of an engine's start with the plan of the same start. */
import { LogReader } from '@plimsoll/planner/log';
import { Command } from 'commander';
import { commandEngines } from '../engine-flags.ts';
import { explainLog, type LogQuestion } from '../log-explanation.ts';
import { logPieces } from '../log-input.ts';
import { printJson, printText } from '../output.ts';
import { renderLog } from '../render/log-text.ts';

interface Flags extends LogQuestion {
  readonly json?: boolean;
}

export function explainLogCommand(done: (exitCode: number) => void): Command {
  return new Command('explain-log')
    .description("Explain the log of an engine's start: its memory, its error, and flags that start")
    .argument('[file]', 'the log (default: standard input, also for -)')
    .option('--model <name>', 'the model, if the log does not name it')
    .option('--gpu <name>', 'the device, if the log does not name it')
    .option('--offline', 'read no model from the Hub')
    .option('--json', 'print the explanation as JSON (plimsoll schema explain-log)')
    .addHelpText(
      'after',
      `
Examples:
  plimsoll explain-log start.log
  docker logs my-server 2>&1 | plimsoll explain-log --gpu h100

The log may have any length, and contain colors, time stamps and prefixes of ranks. If it has several starts, the last
counts.`,
    )
    .action(async (file: string | undefined, flags: Flags) => {
      const reader = new LogReader(commandEngines());
      for await (const piece of logPieces(file === undefined || file === '-' ? null : file))
        reader.push(piece);
      const explanation = await explainLog(reader.end(), flags);
      if (flags.json === true) printJson(explanation);
      else printText(renderLog(explanation));
      done(0);
    });
}
