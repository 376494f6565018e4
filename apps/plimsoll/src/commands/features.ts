/** `plimsoll features`: computes the hidden states of a data set into a folder, for training draft models offline. */
import { Command, Option } from 'commander';
import { engineModelWords } from '../engine-model.ts';
import { addMemoryFlags, type EngineFlags } from '../engine-start.ts';
import { countsFlag, realFlag, wholeFlag } from '../flag-values.ts';
import { Interruption, interruptedExitCode } from '../interruption.ts';
import { printJson, printText } from '../output.ts';

interface FeaturesFlags extends EngineFlags {
  readonly plan?: boolean;
  readonly json?: boolean;
}

/** Flags that no recipe has. */
const ownFlags: ReadonlySet<string> = new Set([
  ...[
    'plan',
    'json',
    'offline',
    'memory',
    'ctx',
    'kvType',
    'threads',
    'prefillChunk',
    'blockSize',
    'weights',
  ],
]);

export function featuresCommand(done: (exitCode: number) => void): Command {
  const command = describe(new Command('features'));
  return addMemoryFlags(command)
    .option('--offline', 'download nothing: take models of the Hub from the cache alone')
    .option('--plan', 'print samples, disk, memory and time; write nothing')
    .option('--json', 'print the result as JSON (plimsoll schema features)')
    .action(async (recipe: string | undefined, flags: FeaturesFlags) => done(await features(recipe, flags)));
}

function describe(command: Command): Command {
  return command
    .description(
      'Compute the hidden states of a data set into a folder, to train a draft model without its target',
    )
    .argument('[recipe]', 'a YAML file with the names of the flags: target, data, output, maxLength, ...')
    .option('--target <model>', `the frozen target: ${engineModelWords}`)
    .option('--data <file>', 'JSON lines: conversations, rendered texts, or token ids with a loss mask')
    .option('--output <folder>', 'folder of the features; a second run continues')
    .addOption(
      new Option('--answers <source>', 'target: regenerate the answers (default); data: keep them').choices([
        'target',
        'data',
      ]),
    )
    .option(
      '--answer-tokens <count>',
      'tokens of a regenerated answer (default: 256)',
      wholeFlag('--answer-tokens', 1),
    )
    .option(
      '--temperature <value>',
      'of regenerated answers (default: 0, greedy)',
      realFlag('--temperature', 0, 5),
    )
    .option(
      '--seed <number>',
      'of the order and of regenerated answers (default: 42)',
      wholeFlag('--seed', 0),
    )
    .option('--strategy <name>', 'the training algorithm (default: eagle3)')
    .option(
      '--layers <ids>',
      'layers to capture (default: 1, L/2 - 1 and L - 4 of L layers)',
      countsFlag('--layers'),
    )
    .addOption(
      new Option('--states <type>', 'type of stored states (default: bf16)').choices(['bf16', 'f32']),
    )
    .option('--max-length <tokens>', 'longer samples are cut (default: 2048)', wholeFlag('--max-length', 1))
    .option('--min-length <tokens>', 'shorter samples are skipped (default: 8)', wholeFlag('--min-length', 1))
    .option(
      '--max-prompts <count>',
      'samples, drawn by the seed (default: all)',
      wholeFlag('--max-prompts', 1),
    )
    .option('--last-answer', 'train the last answer of a conversation alone')
    .option('--skip-faults', 'count faulty lines instead of stopping at the first one')
    .option('--disk <bytes>', 'limit of all features (default: 64GiB)')
    .option(
      '--parallel <count>',
      'prompts computed at the same time (default: 4)',
      wholeFlag('--parallel', 1, 64),
    )
    .addHelpText(
      'after',
      `
A draft model predicts the tokens of its target, so the target answers the questions of the data first (--answers data
keeps text that the target has written). The folder gets one safetensors file per sample, refs.jsonl, and run.json with
everything that the features depend on. docs/draft-training.md explains the steps.

Examples:
  plimsoll features --target ./model.gguf --data prompts.jsonl --output features --plan
  plimsoll features recipe.yaml --max-prompts 100

Exit codes: 0 ok, 1 bad input, 2 does not fit, 130 interrupted; then the same command continues.`,
    );
}

async function features(recipe: string | undefined, flags: FeaturesFlags): Promise<number> {
  const [{ featuresOptions }, { runFeatures }, { renderFeatures }] = await Promise.all([
    import('../features/features-options.ts'),
    import('../features/features-run.ts'),
    import('../render/features-text.ts'),
  ]);
  const stated = Object.entries(flags).filter(([name]) => !ownFlags.has(name));
  const options = featuresOptions(recipe, Object.fromEntries(stated));
  const interruption = new Interruption();
  try {
    const answer = await interruption.during((signal) =>
      runFeatures({ options, flags, isPlanOnly: flags.plan === true, signal }),
    );
    if (flags.json === true) printJson(answer);
    else printText(renderFeatures(answer));
    return 0;
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') return interruptedExitCode;
    throw error;
  } finally {
    interruption.close();
  }
}
