/**
 * `plimsoll plan [flags] -- COMMAND`: plans the command that starts an engine. The flags before `--` add facts that a
 * command does not contain, such as the device, and win over the command's flags.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { type CommandReading, engineFace, engineNamed, readCommand } from '@plimsoll/planner/engines';
import { canonicalArguments, commandEngines } from './engine-flags.ts';
import { printMessage } from './output.ts';
import { readPastedText } from './standard-input.ts';

/** The flag of `plan` for the model of a pasted command. The help does not show it. */
export const commandModelFlag = '--command-model';

/** Returns the arguments of `plan` with our flags instead of the pasted command; null if there is no command. */
export async function withPastedCommand(argv: readonly string[]): Promise<readonly string[] | null> {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  const pasted = end === -1 ? [] : argv.slice(end + 1);
  const asksForInput = own.includes('-') || (end !== -1 && pasted.every((word) => word === '-'));
  if (asksForInput) return planArguments(await readPastedText(), own);
  return end === -1 ? null : planArguments(pasted, own);
}

/** Translates a command to arguments of `plan`, followed by the user's own arguments. */
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

/** The --engine flag of the command's engine. The user's flags may state its release, but no other engine. */
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

function notesOf({ leftOut, unknown, unread, others, engine }: CommandReading): readonly string[] {
  const notes: string[] = [...unread];
  if (leftOut.length > 0) notes.push(leftOutNote(leftOut));
  if (unknown.length > 0)
    notes.push(`${engineFace(engine).title} has no known flag ${unknown.join(', ')}: left out`);
  if (others.length > 0) notes.push(`the first command is planned, and not ${others.join('; ')}`);
  return notes;
}

function leftOutNote(flags: readonly string[]): string {
  const [verb, are] = flags.length === 1 ? ['changes', 'is'] : ['change', 'are'];
  return `${flags.join(', ')} ${verb} no memory and ${are} left out`;
}
