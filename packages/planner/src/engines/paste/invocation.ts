/**
 * Finds the start of an engine in a pasted command: the engine's own program, a Python module or a container image.
 * Earlier words (`sudo`, `nohup`, `numactl ...`, `docker run ...`) do not affect memory, except variables.
 */
import type { PastedEngine } from './pasted-engines.ts';
import { type ShellCommand, shellCommands } from './shell-text.ts';

type Face = Pick<PastedEngine, 'name' | 'commandForm' | 'release'>;

export interface Invocation<Known extends Face = Face> {
  /** The entry of the list whose command this is. */
  readonly face: Known;
  /** Release in an image's tag or after the program's name; null if the command states none. */
  readonly release: string | null;
  readonly variables: ReadonlyMap<string, string>;
  /** Folders of the machine by the folders of the container. */
  readonly mounts: ReadonlyMap<string, string>;
  /** The words after the program, module or image. */
  readonly words: readonly string[];
}

const containerPrograms: readonly string[] = ['docker', 'podman', 'nerdctl'];

/** Returns null for a command that starts no engine of the list. */
export function findInvocation<Known extends Face>(
  command: ShellCommand,
  faces: readonly Known[],
): Invocation<Known> | null {
  const { words } = command;
  const variables = new Map([...inlineVariables(words), ...command.assignments]);
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    if (containerPrograms.includes(programName(word)) && words.slice(index, index + 4).includes('run'))
      return containerInvocation(words.slice(index + 1), variables, faces);
    if (/^-\w{0,3}c$/.test(word) && /\s/.test(words[index + 1] ?? '')) {
      const inner = nestedInvocation(words[index + 1] ?? '', variables, faces);
      if (inner !== null) return inner;
    }
    const found = startAt(words.slice(index), faces);
    if (found !== null) return { ...found, variables, mounts: new Map() };
  }
  return null;
}

/** Finds the engine in the inner command of `bash -c "..."`. */
function nestedInvocation<Known extends Face>(
  text: string,
  variables: ReadonlyMap<string, string>,
  faces: readonly Known[],
): Invocation<Known> | null {
  for (const { assignments, words } of shellCommands(text)) {
    const found = findInvocation({ assignments: new Map([...variables, ...assignments]), words }, faces);
    if (found !== null) return found;
  }
  return null;
}

type Start<Known extends Face> = Omit<Invocation<Known>, 'variables' | 'mounts'>;

/** Returns the engine whose command starts at the first of these words; null if there is none. */
function startAt<Known extends Face>(words: readonly string[], faces: readonly Known[]): Start<Known> | null {
  const [first = '', second = ''] = words;
  for (const face of faces) {
    for (const program of face.commandForm.programs) {
      const [name = '', ...rest] = program;
      const [called = '', release] = programName(first).split('@');
      const isCalled = called === name && rest.every((word, index) => words[index + 1] === word);
      if (isCalled) return { face, release: releaseIn(release, face), words: words.slice(program.length) };
    }
    const { modules } = face.commandForm;
    if (first === '-m' && modules.includes(second)) return { face, release: null, words: words.slice(2) };
    const path = first.replaceAll('\\', '/');
    if (modules.some((module) => path.endsWith(`${module.replaceAll('.', '/')}.py`)))
      return { face, release: null, words: words.slice(1) };
  }
  return null;
}

/** Finds the engine of a container: by its image, or by the command for another image. */
function containerInvocation<Known extends Face>(
  words: readonly string[],
  given: ReadonlyMap<string, string>,
  faces: readonly Known[],
): Invocation<Known> | null {
  const variables = new Map([...given, ...containerVariables(words)]);
  const mounts = mountsIn(words);
  for (const [index, word] of words.entries()) {
    const face = faces.find(({ commandForm }) => commandForm.images.some((image) => isImage(word, image)));
    if (face === undefined || /^(?:--name|-h|--hostname)$/.test(words[index - 1] ?? '')) continue;
    const rest = words.slice(index + 1);
    const inner = findInvocation({ assignments: variables, words: rest }, [face]);
    const release = releaseIn(word.split('@')[0]?.split(':').at(-1), face);
    const own = inner ?? { face, release, variables, words: rest };
    return { ...own, mounts, release: own.release ?? release };
  }
  const inner = findInvocation({ assignments: variables, words: withoutNames(words) }, faces);
  if (inner !== null) return { ...inner, mounts };
  const named = namedImage(words, faces);
  return named === null ? null : { ...named, variables, mounts };
}

/** Finds an image of another owner by the engine in its name, if flags of the engine name the model after it: `me/vllm-gh200`. */
function namedImage<Known extends Face>(
  words: readonly string[],
  faces: readonly Known[],
): Start<Known> | null {
  for (const [index, word] of words.entries()) {
    const path = word.split('@')[0] ?? '';
    const parts = path.replace(/:[^:/]*$/, '').split(/[/._-]/);
    const face = faces.find(
      ({ name, commandForm }) =>
        parts.includes(name) && commandForm.modelFlags.some((flag) => hasFlag(words.slice(index + 1), flag)),
    );
    if (face === undefined || word.startsWith('-') || takesName.test(words[index - 1] ?? '')) continue;
    return { face, release: releaseIn(path.split(':').at(-1), face), words: words.slice(index + 1) };
  }
  return null;
}

/** Flags of `docker run` whose values may have the name of an engine. */
const takesName =
  /^(?:--name|-h|--hostname|-v|--volume|--mount|--net|--network|-w|--workdir|-l|--label|-e|--env|--env-file)$/;

function hasFlag(words: readonly string[], flag: string): boolean {
  return words.some((word) => word === flag || word.startsWith(`${flag}=`));
}

/** Reads `-v FOLDER:FOLDER`. */
function mountsIn(words: readonly string[]): ReadonlyMap<string, string> {
  const mounts = new Map<string, string>();
  for (const [index, word] of words.entries()) {
    const text = word.startsWith('--volume=') ? word.slice('--volume='.length) : word;
    if (text === word && !/^(?:-v|--volume)$/.test(words[index - 1] ?? '')) continue;
    const [, outside, inside] = /^(.{1,400}?):(\/[^:]{1,400})(?::[a-zA-Z,]{1,20})?$/.exec(text) ?? [];
    if (outside !== undefined && inside !== undefined) mounts.set(inside.replace(/\/+$/, ''), outside);
  }
  return mounts;
}

/** The path on the machine of a path in the container; other names stay. */
export function pathOutside(model: string, mounts: ReadonlyMap<string, string>): string {
  const inside = [...mounts.keys()]
    .filter((folder) => model === folder || model.startsWith(`${folder}/`))
    .sort((left, right) => right.length - left.length)[0];
  if (inside === undefined) return model;
  return `${(mounts.get(inside) ?? '').replace(/\/+$/, '')}${model.slice(inside.length)}`;
}

/** Compares `registry/owner/name:tag@digest` with `owner/name`. */
function isImage(word: string, image: string): boolean {
  const [path = ''] = word.split('@');
  const name = path.replace(/:[^:/]*$/, '');
  return name === image || name.endsWith(`/${image}`);
}

/** Returns the part of a tag that is a release: `0.22.0` of `v0.22.0-cu130`. */
function releaseIn(tag: string | undefined, { release }: Face): string | null {
  if (tag === undefined || release === null) return null;
  const parts = tag.split(/[-_+]/).map((part) => part.replace(/(?:\.?(?:post|dev)|rc)\d+$/, ''));
  const found = [tag, ...parts].find((part) => release.form.test(part));
  return found?.replace(/^v(?=\d)/, '') ?? null;
}

/** Removes the name of the container, which is often the name of an engine. */
function withoutNames(words: readonly string[]): readonly string[] {
  return words.filter((_, index) => !/^(?:--name|-h|--hostname)$/.test(words[index - 1] ?? ''));
}

/** Reads `-e NAME=VALUE` and `--env=NAME=VALUE`. */
function containerVariables(words: readonly string[]): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const [index, word] of words.entries()) {
    const text = /^--env=/.test(word) ? word.slice('--env='.length) : word;
    const isVariable = text !== word || /^(?:-e|--env)$/.test(words[index - 1] ?? '');
    const equals = text.indexOf('=');
    if (isVariable && equals > 0) variables.set(text.slice(0, equals), text.slice(equals + 1));
  }
  return variables;
}

/** Reads variables between another program and the engine: `sudo A=1 engine`. */
function inlineVariables(words: readonly string[]): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const word of words) {
    const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/s.exec(word) ?? [];
    if (name !== undefined && value !== undefined) variables.set(name, value);
  }
  return variables;
}

function programName(word: string): string {
  const name = word.replaceAll('\\', '/').split('/').at(-1) ?? '';
  // A prompt may touch the program: `$ollama run`.
  return name.replace(/\.exe$/i, '').replace(/^[$#%](?=[a-z])/, '');
}
