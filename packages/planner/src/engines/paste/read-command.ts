/**
 * Reads a pasted command of any engine as a question to `plimsoll plan`: engine, release, model and flags. The faces of
 * the engines (`commandForm`, `options`, `spellings`) and the registry's lists of flags define their words.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { EngineFlags } from '@plimsoll/registry';
import type { EngineName } from '../engine-list.ts';
import { commandOfContainerFile } from './container-file.ts';
import { readArguments } from './engine-arguments.ts';
import { findInvocation, type Invocation, pathOutside } from './invocation.ts';
import type { PastedEngine } from './pasted-engines.ts';
import { commandOf, type ShellCommand, shellCommands } from './shell-text.ts';

export interface CommandEngine {
  readonly face: PastedEngine;
  /** The registry's list of flags; null if it has none. */
  readonly known: EngineFlags | null;
}

export interface CommandReading {
  readonly engine: EngineName;
  readonly release: string | null;
  /** Model as typed; null if the command names none. */
  readonly model: string | null;
  /** Values by flag of `plimsoll plan`; a switch has the value null. */
  readonly flags: ReadonlyMap<string, string | null>;
  /** Flags and variables that change no memory. */
  readonly leftOut: readonly string[];
  /** Words in no list of the engine's flags, which may change memory. */
  readonly unknown: readonly string[];
  /** Notes about files of further options, which are not read. */
  readonly unread: readonly string[];
  /** First words of the other commands in the text that start an engine. */
  readonly others: readonly string[];
}

export interface PrintedFlags {
  /** Values by flag of `plimsoll plan`; a switch has the value null. */
  readonly flags: ReadonlyMap<string, string | null>;
  /** The same flags as words of the engine's command line. */
  readonly own: readonly string[];
  /** Arguments that no plan can honour, each with the reason. */
  readonly refused: readonly string[];
}

/**
 * Converts arguments that an engine printed, by their names, to flags of a plan; arguments that change no memory are
 * left out.
 */
export function readPrintedFlags(
  printed: ReadonlyMap<string, string>,
  { face, known }: CommandEngine,
  command: ReadonlyMap<string, string | null> = new Map(),
): PrintedFlags {
  const flags = new Map<string, string | null>();
  const own: string[] = [];
  const refused: string[] = [];
  for (const [name, value] of printed) {
    const words = value === 'true' ? [`--${name}`] : [`--${name}`, value];
    try {
      const read = readArguments(face, known, words);
      for (const [flag, text] of read.flags) flags.set(flag, text);
      if (read.flags.size > 0) own.push(...words);
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
      refused.push(`${words.join(' ').slice(0, 200)}: ${error.message}`);
    }
  }
  // The engine prints no context where the command's is meant.
  const context = flags.has('context') ? undefined : command.get('context');
  const planned = new Map([...command, ...planFlags(flags, face)]);
  if (context !== undefined) planned.set('context', context);
  return { flags: planned, own, refused };
}

/**
 * Reads a command as words that a shell has split, or as one text. Throws `unknown-command` if it starts no known
 * engine, and the errors of the parsers.
 */
export function readCommand(
  given: readonly string[] | string,
  engines: readonly CommandEngine[],
): CommandReading {
  const commands = typeof given === 'string' ? commandsOfText(given) : commandsOfWords(given);
  const faces = engines.flatMap(({ face }) => facesOf(face));
  const found = commands.flatMap((command) => findInvocation(command, faces) ?? []);
  const [first, others] = startOfModel(found);
  if (first === undefined) throw unknownCommand(commands, faces);
  const { face } = first;
  const known = engines.find((engine) => engine.face.name === face.name)?.known ?? null;
  const { model, ...read } = readArguments(face, known, first.words);
  const { model: modelOfVariables = null, ...flags } = flagsOfVariables(first, face);
  const release = first.release ?? installedRelease(commands, face);
  const usual = face.commandForm.usualFlags?.(release) ?? {};
  return {
    engine: face.name,
    release,
    model: wholeName(outside(model ?? modelOfVariables, first), face.commandForm),
    flags: planFlags(new Map([...Object.entries({ ...usual, ...flags }), ...read.flags]), face),
    leftOut: [...idleVariables(first, face), ...read.leftOut],
    unknown: read.unknown,
    unread: read.unread.map(
      (file) =>
        `${file} is not read; the options in it that change memory are ${face.commandForm.optionFiles?.options ?? 'not known'}`,
    ),
    others: others.map(({ words }) => words.slice(0, 3).join(' ')),
  };
}

/** The face with each of its command forms. */
function facesOf(face: PastedEngine): readonly PastedEngine[] {
  return [face.commandForm, ...(face.commandForm.variants ?? [])].map((commandForm) => ({
    ...face,
    commandForm,
  }));
}

type FoundInvocation = Invocation<PastedEngine>;

function outside(model: string | null, { mounts }: FoundInvocation): string | null {
  return model === null ? null : pathOutside(model, mounts);
}

function wholeName(model: string | null, form: PastedEngine['commandForm']): string | null {
  return model === null ? null : (form.wholeName?.(model) ?? model);
}

/**
 * Returns the first command, and the others. If the first command starts a server without a model, the next command of
 * the same engine names the model, and the variables of the server apply to it.
 */
function startOfModel(
  found: readonly FoundInvocation[],
): readonly [FoundInvocation | undefined, readonly FoundInvocation[]] {
  const [first, ...others] = found;
  if (first?.face.commandForm.takesModelWord !== true || first.words.some(isPlainWord))
    return [first, others];
  const next = others.find(({ face, words }) => face.name === first.face.name && words.some(isPlainWord));
  if (next === undefined) return [first, others];
  const variables = new Map([...first.variables, ...next.variables]);
  return [{ ...next, variables }, others.filter((other) => other !== next)];
}

function isPlainWord(word: string): boolean {
  return /^[^-]/.test(word);
}

/** A shell has split the words after `--`; a command that is quoted as a whole is still one text. */
function commandsOfWords(words: readonly string[]): readonly ShellCommand[] {
  const [only] = words;
  return words.length === 1 && only !== undefined && /\s/.test(only)
    ? commandsOfText(only)
    : [commandOf(words)];
}

function commandsOfText(text: string): readonly ShellCommand[] {
  return shellCommands(commandOfContainerFile(text) ?? text);
}

/** Returns the flags that environment variables set. The command's own flags take precedence. */
function flagsOfVariables(
  { variables }: Invocation,
  { commandForm }: PastedEngine,
): Readonly<Record<string, string>> {
  const known = Object.entries(commandForm.variables);
  return Object.assign(
    {},
    ...known.map(([name, read]) => {
      const value = variables.get(name);
      return value === undefined ? {} : read(value);
    }),
  );
}

function idleVariables({ variables }: Invocation, { commandForm }: PastedEngine): readonly string[] {
  return [...variables.keys()].filter((name) => !Object.hasOwn(commandForm.variables, name));
}

/** Finds the release of `pip install engine==0.22.0` in the same text. */
function installedRelease(commands: readonly ShellCommand[], { name, release }: PastedEngine): string | null {
  for (const word of commands.flatMap(({ words }) => words)) {
    const [installed, version] = word.split('==');
    if (installed === name && version !== undefined && release?.form.test(version) === true) return version;
  }
  return null;
}

/** Converts numbers of tokens to our meaning, and adds the engine's default context. */
function planFlags(
  flags: ReadonlyMap<string, string | null>,
  { commandForm, openContexts = [] }: PastedEngine,
): ReadonlyMap<string, string | null> {
  const planned = new Map(flags);
  const typed = flags.get('context') ?? null;
  const { usualContext } = commandForm;
  const own = usualContext === 'own' ? openContexts[0] : usualContext;
  const usual = own === undefined || own === 'model' ? contextOfModel : String(own);
  const tokens = typed === null ? usual : (commandForm.readTokens?.(typed) ?? typed);
  const users = Number(flags.get('users') ?? 1);
  const isDivided = commandForm.contextIsShared && users > 1 && Number(tokens) >= users;
  planned.set('context', isDivided ? String(Math.floor(Number(tokens) / users)) : tokens);
  return planned;
}

/** The value of `plimsoll plan --context` that means the model's own length. */
export const contextOfModel = '0';

function unknownCommand(commands: readonly ShellCommand[], faces: readonly PastedEngine[]): PlimsollError {
  const typed = commands[0]?.words.slice(0, 3).join(' ') ?? '';
  const programs = faces.flatMap(({ commandForm }) => commandForm.programs.map((words) => words.join(' ')));
  return new PlimsollError({
    code: 'unknown-command',
    message:
      typed === '' ? 'there is no command to read' : `"${typed.slice(0, 80)}" does not start a known engine`,
    value: typed.slice(0, 200),
    limit: programs.join(', '),
    hint: 'paste the whole command that starts the engine',
  });
}
