/** `plimsoll rank`: which hardware serves a model for these users, cheapest first. */
import { monotonicClock } from '@plimsoll/foundation';
import { rank } from '@plimsoll/planner/rank';
import { Command } from 'commander';
import { modelOfArgument } from '../command-model.ts';
import { printJson, printText } from '../output.ts';
import { type RankFlags, rankQuestion } from '../rank-flags.ts';
import { ProgressLine } from '../render/progress-line.ts';
import { renderRanking } from '../render/rank-text.ts';

export function rankCommand(done: (exitCode: number) => void): Command {
  return describe(new Command('rank')).action(async (typed: string, flags: RankFlags) => {
    const { spec, reference, weights } = await modelOfArgument(typed, { assume: flags.assume });
    const question = rankQuestion(spec, reference, weights === null ? flags : { weights, ...flags });
    const line = new ProgressLine(monotonicClock, { label: 'planning', waitSeconds: 1 });
    const ranking = rank(question, {
      onDevice: (ready, total) => line.show(ready / total, `${ready} of ${total} devices`),
    });
    line.clear();
    if (flags.json === true) printJson(ranking);
    else printText(renderRanking(question, ranking, { showsAll: flags.gpu !== undefined }));
    done(ranking.rows.some(({ serves }) => serves) ? 0 : 2);
  });
}

function describe(command: Command): Command {
  return command
    .description('Which hardware, how many, in which layout and format, at what cost')
    .argument('<model>', 'registry name, Hugging Face id, directory, config.json, .gguf or .safetensors')
    .option('--users <count>', 'sequences served at once', '1')
    .option(
      '--context <tokens>',
      'prompt and output of one user together, such as 8192 or 128k (default: 8k)',
    )
    .option(
      '--gpu <names>',
      'only these devices: h100, or 8xh100 for every layout of these eight; several separated by commas',
    )
    .option('--max-tpot <ms>', 'longest time per output token, in milliseconds')
    .option('--max-ttft <ms>', 'longest time to the first token of a prompt on idle devices, in milliseconds')
    .option(
      '--price <gpu=usd>',
      'price of one device per hour, in place of the registry (repeatable)',
      collect,
    )
    .option('--prompt <tokens>', 'prompt whose time counts in the price of output (default: not counted)')
    .option('--cached-prompt <tokens>', 'prompt tokens found in a prefix cache')
    .option('--sort <price>', 'hour, or million for the price per million output tokens', 'hour')
    .option('--engine <name>', 'one engine for every device (default: the usual engine of each)')
    .option(
      '--weights <format>',
      'one weight format (default: checkpoints that are published, usual GGUF files)',
    )
    .option('--kv <format>', "KV cache type (default: the model's own, then 8 bits where it does not serve)")
    .option('--all', 'a row of every layout, weights and cache, for up to 8 devices')
    .option('--assume <family>', 'read an unknown architecture as this one, such as llama')
    .option('--json', 'print the rows as JSON (plimsoll schema rank)')
    .addHelpText(
      'after',
      `
More devices of a kind are tried (1, 2, 4, 8, then nodes) until they serve the users within the times. Layouts are tensor,
pipeline, data and expert parallelism. A configuration that the engine would not start is no candidate. Devices without a
price are listed apart; --price gives them one.

Examples:
  plimsoll rank Qwen/Qwen3-32B --users 16 --context 32k --max-tpot 50
  plimsoll rank meta-llama/Llama-3.3-70B-Instruct --users 28 --context 32k --gpu 8xh100
  plimsoll rank gpt-oss-120b --users 8 --context 64k --gpu h100,mi300x,rtx-5090 --price mi300x=2.10
  plimsoll rank deepseek-ai/DeepSeek-V3 --users 64 --context 16k --prompt 14k --sort million --json

Exit codes: 0 something serves the users, 1 bad input, 2 nothing does.`,
    );
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
