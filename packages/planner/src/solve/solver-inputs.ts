/** Inputs of solvers: their units, ranges and defaults, and the one place that checks given values against them. */
import { PlimsollError } from '@plimsoll/foundation';

/** Tokens and counts are whole numbers. */
export type InputUnit =
  | 'bytes'
  | 'bytes per second'
  | 'count'
  | 'degrees'
  | 'grams per kWh'
  | 'per second'
  | 'ratio'
  | 'seconds'
  | 'share'
  | 'tokens'
  | 'usd'
  | 'usd per hour'
  | 'usd per kWh'
  | 'usd per million tokens'
  | 'usd per tonne'
  | 'watts';

interface NumberInput {
  readonly kind: 'number';
  readonly unit: InputUnit;
  readonly words: string;
  readonly least: number;
  readonly most: number;
  /** Null if the solver works without a value. */
  readonly default: number | null | 'required';
}

interface NumbersInput {
  readonly kind: 'numbers';
  readonly unit: InputUnit;
  readonly words: string;
  readonly least: number;
  readonly most: number;
  readonly default: readonly number[];
}

interface ChoiceInput {
  readonly kind: 'choice';
  readonly words: string;
  readonly options: readonly string[];
  readonly default: string;
}

export type InputSpec = NumberInput | NumbersInput | ChoiceInput;
export type InputSpecs = Readonly<Record<string, InputSpec>>;

type ValueOf<Spec extends InputSpec> = Spec extends ChoiceInput
  ? Spec['options'][number]
  : Spec extends NumbersInput
    ? readonly number[]
    : Spec['default'] extends null
      ? number | null
      : number;

export type InputValues<Specs extends InputSpecs> = { readonly [Name in keyof Specs]: ValueOf<Specs[Name]> };

/** Most tokens of a request that an input may state: longer than every published context, with room. */
const tokensMax = 16_777_216;

type TokensDefault = NumberInput['default'];

/** An input of whole tokens, 1 or more unless `least` says otherwise. */
export function tokensInput<const Default extends TokensDefault>(input: {
  readonly words: string;
  readonly default: Default;
  readonly least?: number;
}): NumberInput & { readonly default: Default } {
  const { least = 1, ...facts } = input;
  return { kind: 'number', unit: 'tokens', least, most: tokensMax, ...facts };
}

/** Values by the names of the inputs, unchecked. */
export type GivenInputs = Readonly<Record<string, unknown>>;

/** Most values of a list. */
const listLengthMax = 64;

/** The flag of an input on the command line: `meanTokens` is `--mean-tokens`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Checks given values and fills in defaults. Unknown names are errors. */
export function readInputs<Specs extends InputSpecs>(
  solver: { readonly name: string; readonly inputs: Specs },
  given: GivenInputs,
): InputValues<Specs> {
  const { name: solverName, inputs } = solver;
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(inputs, name)) continue;
    throw new PlimsollError({
      code: 'unknown-input',
      message: `the solver ${solverName} has no input "${name}"`,
      value: name,
      limit: Object.keys(inputs).join(', '),
      hint: `plimsoll solve ${solverName} --help`,
    });
  }
  const entries = Object.entries(inputs).map(([name, spec]) => [
    name,
    readInput(solverName, name, { spec, given: given[name] }),
  ]);
  return Object.fromEntries(entries) as InputValues<Specs>;
}

function readInput(
  solver: string,
  name: string,
  { spec, given }: { readonly spec: InputSpec; readonly given: unknown },
): number | string | readonly number[] | null {
  if (given === undefined) {
    if (spec.default !== 'required' || spec.kind === 'choice') return spec.default;
    throw new PlimsollError({
      code: 'missing-input',
      message: `the solver ${solver} needs ${flagOf(name)}: ${spec.words}`,
      value: name,
      limit: rangeText(spec),
      hint: `plimsoll solve ${solver} --help`,
    });
  }
  if (isAllowed(spec, given)) return given;
  throw new PlimsollError({
    code: 'bad-input',
    message: `${flagOf(name)} ${typeof given === 'string' ? given : JSON.stringify(given)} is not allowed`,
    value: typeof given === 'number' ? given : String(given),
    limit: rangeText(spec),
    hint: `plimsoll solve ${solver} --help`,
  });
}

function isAllowed(spec: InputSpec, given: unknown): given is number | string | readonly number[] | null {
  if (spec.kind === 'choice') return typeof given === 'string' && spec.options.includes(given);
  if (spec.kind === 'number') return (given === null && spec.default === null) || isInRange(spec, given);
  return (
    Array.isArray(given) &&
    given.length > 0 &&
    given.length <= listLengthMax &&
    given.every((value) => isInRange(spec, value))
  );
}

function isInRange(
  { unit, least, most }: { readonly unit: InputUnit; readonly least: number; readonly most: number },
  value: unknown,
): boolean {
  if (typeof value !== 'number' || !(value >= least && value <= most)) return false;
  return (unit !== 'count' && unit !== 'tokens') || Number.isInteger(value);
}

/** The allowed values in words. */
export function rangeText(spec: InputSpec): string {
  if (spec.kind === 'choice') return spec.options.join(', ');
  const { unit, least, most } = spec;
  const whole = unit === 'count' || unit === 'tokens' ? 'a whole number ' : '';
  const named = unit === 'count' || unit === 'ratio' ? '' : ` ${unit}`;
  return `${whole}from ${least} to ${most}${named}${spec.kind === 'numbers' ? ', separated by commas' : ''}`;
}
