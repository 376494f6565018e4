/**
 * `plimsoll plan [flags] -- COMMAND`: the command that starts an engine is the question. The flags before `--` add what a
 * command cannot say, such as the device, and win where both say something.
 */
import { existsSync } from 'node:fs';
import { PlimsollError } from '@plimsoll/foundation';
import {
  type CommandReading,
  engineFace,
  engineNamed,
  modelNames,
  readCommand,
} from '@plimsoll/planner/engines';
import { resolveModel } from '@plimsoll/registry';
import { canonicalArguments, commandEngines } from './engine-flags.ts';
import { printMessage } from './output.ts';
import { readPastedText } from './standard-input.ts';

/** The flag of `plan`, hidden in its help, that holds the model of a pasted command. */
export const commandModelFlag = '--command-model';

/** Arguments of `plan` with the pasted command replaced by our flags; null where no command was pasted. */
export async function withPastedCommand(argv: readonly string[]): Promise<readonly string[] | null> {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  const pasted = end === -1 ? [] : argv.slice(end + 1);
  const asksForInput = own.includes('-') || (end !== -1 && pasted.every((word) => word === '-'));
  if (asksForInput) return planArguments(await readPastedText(), own);
  return end === -1 ? null : planArguments(pasted, own);
}

/** Arguments of `plan` that ask what the command asks, followed by the person's own. */
export function planArguments(
  command: readonly string[] | string,
  given: readonly string[],
): readonly string[] {
  const reading = readCommand(command, commandEngines());
  for (const note of notesOf(reading)) printMessage(`note: ${note}`);
  const { argv: own } = canonicalArguments(given.filter((word) => word !== '-'));
  const words = [...reading.flags].flatMap(([name, value]) =>
    value === null ? [`--${name}`] : [`--${name}=${value}`],
  );
  const model = reading.model === null ? [] : [`${commandModelFlag}=${reading.model}`];
  return ['plan', ...model, ...words, ...own.slice(1), ...engineWords(reading, own)];
}

/** The engine after the person's own flags: they may name it, and its release, but no other engine. */
function engineWords({ engine, release }: CommandReading, own: readonly string[]): readonly string[] {
  const at = own.findLastIndex((word) => word === '--engine' || word.startsWith('--engine='));
  const named = at === -1 ? undefined : (own[at]?.split('=')[1] ?? own[at + 1]);
  const [name = engine, version] = named?.split('@') ?? [];
  if (engineNamed(name).name !== engine) {
    throw new PlimsollError({
      code: 'conflicting-engine',
      message: `--engine ${name} is not the engine of the command, which is ${engineFace(engine).title}`,
      value: name,
      limit: engine,
      hint: 'leave --engine out',
    });
  }
  const stated = version ?? release;
  return [`--engine=${engine}${stated === null ? '' : `@${stated}`}`];
}

function notesOf({ leftOut, unknown, others, engine }: CommandReading): readonly string[] {
  const notes: string[] = [];
  if (leftOut.length > 0) notes.push(leftOutNote(leftOut));
  if (unknown.length > 0)
    notes.push(`${unknown.join(', ')}: ${engineFace(engine).title} has no such flag that is known, left out`);
  if (others.length > 0) notes.push(`the first command is planned, and not ${others.join('; ')}`);
  return notes;
}

function leftOutNote(flags: readonly string[]): string {
  const [verb, are] = flags.length === 1 ? ['changes', 'is'] : ['change', 'are'];
  return `${flags.join(', ')} ${verb} no memory and ${are} left out`;
}

export interface NamedModel {
  readonly reference: string;
  /** The format that the name states; null where it states none. */
  readonly weights: string | null;
}

/**
 * The model that a command names: a file of this machine, or else a record of the registry whose name is a whole part of
 * what was typed. What neither knows stays as it is.
 */
export function modelOfCommand(typed: string): NamedModel {
  if (existsSync(typed)) return { reference: typed, weights: null };
  const known = modelNames(typed).find(({ name }) => isRecorded(name));
  return known === undefined
    ? { reference: typed, weights: null }
    : { reference: known.name, weights: known.weights };
}

function isRecorded(name: string): boolean {
  try {
    resolveModel(name);
    return true;
  } catch (error) {
    if (error instanceof PlimsollError) return false;
    throw error;
  }
}
