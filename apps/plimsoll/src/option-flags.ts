/** The flags of `plimsoll plan` that only some engines have, made from the options of each engine. */
import { PlimsollError } from '@plimsoll/foundation';
import { type AnyOptions, type EngineName, engineFace, engineFaces } from '@plimsoll/planner/engines';
import { engineFlags } from '@plimsoll/registry';
import type { Command } from 'commander';
import { badFlag } from './flag-values.ts';

type Spec = (typeof engineFaces)[number]['options'][number];

/** Flags as commander reads them: a string, or true for a switch. */
type ReadFlags = Readonly<Record<string, unknown>>;

/** Adds one flag for every option. Engines whose options have the same name share the flag. */
export function addOptionFlags(command: Command): Command {
  const specs = engineFaces.flatMap(({ options, title }) => options.map((spec) => ({ spec, title })));
  const names = new Set(specs.map(({ spec }) => spec.name));
  for (const name of names) {
    const sharers = specs.filter(({ spec }) => spec.name === name);
    const value = sharers[0]?.spec.value ?? null;
    const titles = sharers.map(({ title }) => title).join(', ');
    command.option(
      value === null ? `--${name}` : `--${name} ${value}`,
      `${titles}: ${sharers[0]?.spec.words}`,
    );
  }
  return command;
}

/**
 * Reads the given options of an engine. Refuses a flag of another engine, or notes that it changes no memory of this
 * engine.
 */
export function optionsOf(
  flags: ReadFlags,
  engine: EngineName,
  asked: { readonly isOneEngine: boolean; readonly note: (text: string) => void },
): AnyOptions {
  const given = givenSpecs(flags);
  const own = given.filter(({ owners }) => owners.includes(engine));
  if (asked.isOneEngine) {
    const foreign = given.filter(({ owners }) => !owners.includes(engine));
    const neutral = foreign.filter(({ name }) => changesNoMemory(engine, name));
    for (const option of foreign) if (!neutral.includes(option)) throw flagOfAnother(option, engine);
    if (neutral.length > 0)
      asked.note(`note: ${neutral.map(({ name }) => `--${name}`).join(', ')} changes no memory of ${engine}`);
  }
  const read = own.map(({ name, text }) => {
    const spec = engineFace(engine).options.find((candidate) => candidate.name === name);
    return spec === undefined ? {} : readText(spec, text);
  });
  return Object.assign({}, ...read);
}

/** Throws `unknown-option` if no engine has the option, neither as one that changes memory nor as one that does not. */
export function refuseUnknownOption(name: string): void {
  const bare = name.replace(/^no-/, '');
  const isKnown = engineFaces.some(
    ({ name: engine, options }) =>
      options.some((spec) => spec.name === name || spec.name === bare) ||
      changesNoMemory(engine, name) ||
      changesNoMemory(engine, bare),
  );
  if (isKnown) return;
  const near = engineFaces.flatMap(({ options }) =>
    options.map((spec): string => spec.name).filter((known) => known.startsWith(bare.slice(0, 6))),
  );
  throw new PlimsollError({
    code: 'unknown-option',
    message: `no engine has an option "${name}"`,
    value: name,
    hint:
      near.length === 0
        ? 'plimsoll plan --help lists the options of every engine'
        : `names that start alike: ${[...new Set(near)].join(', ')}`,
  });
}

/** Returns the usual engine if it has every given flag, else the first engine that has them, else the usual engine. */
export function engineOfFlags(flags: ReadFlags, usual: EngineName): EngineName {
  const given = givenSpecs(flags).filter(({ name }) => !changesNoMemory(usual, name));
  const owners = engineFaces.filter(({ name, runsHere }) => {
    return !runsHere && given.every((option) => option.owners.includes(name));
  });
  return owners.find(({ name }) => name === usual)?.name ?? owners[0]?.name ?? usual;
}

/** The other model that an option of the flags names, such as the drafter of --speculative-config; null if none does. */
export function modelNamedByOption(flags: ReadFlags): string | null {
  return factsOfOptions(flags, (spec, options) => spec.namedModel?.(options) ?? null)[0] ?? null;
}

/** The values of the model's config that options of the flags replace; undefined if none does. */
export function configOverriddenBy(flags: ReadFlags): Readonly<Record<string, unknown>> | undefined {
  const replaced = factsOfOptions(flags, (spec, options) => spec.configOverrides?.(options) ?? null);
  return replaced.length === 0 ? undefined : Object.assign({}, ...replaced);
}

/** Returns the facts that options of the flags state, in the order of the flags. */
function factsOfOptions<Fact>(
  flags: ReadFlags,
  factOf: (spec: Spec, options: AnyOptions) => Fact | null,
): readonly Fact[] {
  return givenSpecs(flags).flatMap(({ name, text, owners }) =>
    engineFaces.flatMap(({ name: engine, options: specs }) => {
      const spec = owners.includes(engine) ? specs.find((candidate) => candidate.name === name) : undefined;
      const options = spec?.read?.(text) ?? null;
      const fact = spec === undefined || options === null ? null : factOf(spec, options);
      return fact === null ? [] : [fact];
    }),
  );
}

interface GivenOption {
  readonly name: string;
  readonly text: string;
  readonly owners: readonly EngineName[];
}

function givenSpecs(flags: ReadFlags): readonly GivenOption[] {
  const names = new Set(engineFaces.flatMap(({ options }) => options.map(({ name }) => name)));
  return [...names].flatMap((name) => {
    const value = readValue(flags, name);
    const owners = engineFaces.filter(({ options }) => options.some((spec) => spec.name === name));
    if (typeof value !== 'string' && value !== true) return [];
    return [{ name, text: value === true ? 'on' : value, owners: owners.map((face) => face.name) }];
  });
}

/** Commander keeps the flag `--no-x` as the value false of x. */
function readValue(flags: ReadFlags, name: string): unknown {
  const [, negated] = /^no-(.+)/.exec(name) ?? [];
  const value = flags[flagKey(name)];
  return negated === undefined ? value : flags[flagKey(negated)] === false || value;
}

/** Returns the key under which Commander keeps a flag: `maxNumSeqs` for `max-num-seqs`. */
export function flagKey(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function readText({ name, limit, read }: Spec, text: string): AnyOptions {
  // The caller reads options that need more than their text, such as another model.
  if (read === null) return {};
  const options = read(text);
  if (options === null) throw badFlag(name, text, limit);
  return options;
}

function changesNoMemory(engine: EngineName, name: string): boolean {
  const known = engineFlags(engine);
  return known !== null && [...known.switches, ...known.options].includes(`--${name}`);
}

function flagOfAnother({ name, owners }: GivenOption, engine: EngineName): PlimsollError {
  const [owner] = owners;
  return new PlimsollError({
    code: 'flag-of-another-engine',
    message: `--${name} is a flag of ${owners.join(' and ')}, and this plan is for ${engine}`,
    value: `--${name}`,
    hint: `--engine ${owner}, or leave the flag out`,
  });
}
