/** The flags of `plimsoll solve`: the inputs of a solver, and the model and devices that it asks about. */
import { PlimsollError, parseBytes, parseTokens } from '@plimsoll/foundation';
import { type InputSpec, rangeText, type Solver, type Subject } from '@plimsoll/planner/solve';
import { listHardware, resolveHardware } from '@plimsoll/registry';
import { modelOfArgument, modelOfCommand } from './command-model.ts';
import { badValue } from './flag-values.ts';
import { type PlanFlags, planRequest } from './plan-flags.ts';

/** Flags of a solver that asks about a model on devices, as commander reads them. */
interface SubjectFlags extends PlanFlags {
  readonly decodeGpu?: string;
  readonly price?: string;
}

/** Parses the text of an input. The solver checks its range. */
export function inputValue(flag: string, spec: InputSpec, text: string): number | string | readonly number[] {
  if (spec.kind === 'choice') return text;
  const read = (part: string): number => {
    const value = readAmount(spec.unit, part.trim());
    if (value === null) throw badValue(flag, text, `${rangeText(spec)}; ${spelling(spec.unit)}`);
    return value;
  };
  return spec.kind === 'numbers' ? text.split(',').map(read) : read(text);
}

type Unit = Exclude<InputSpec, { readonly kind: 'choice' }>['unit'];

/** An example of each unit that needs a suffix. */
function spelling(unit: Unit): string {
  switch (unit) {
    case 'seconds':
      return 'write 50ms, 2s, 5min or 1h';
    case 'bytes':
      return 'write 80GiB or 80GB';
    case 'bytes per second':
      return 'write 100GB/s';
    case 'share':
      return 'write 0.7 or 70%';
    case 'tokens':
      return 'write 8192 or 8k';
    default:
      return 'write a number';
  }
}

const secondsOf: Readonly<Record<string, number>> = {
  us: 1e-6,
  ms: 1e-3,
  s: 1,
  min: 60,
  h: 3600,
  d: 86_400,
};

/** Returns null if the text is no amount of this unit. */
function readAmount(unit: Unit, text: string): number | null {
  if (unit === 'tokens') return text === '0' ? 0 : parseTokens(text);
  if (unit === 'bytes') return parseBytes(text);
  if (unit === 'bytes per second') return /\/s$/.test(text) ? parseBytes(text.replace(/\/s$/, '')) : null;
  const [, digits, suffix = ''] = /^(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(%|[a-z]+)?$/i.exec(text) ?? [];
  if (digits === undefined) return null;
  const amount = Number(digits);
  if (unit === 'seconds') {
    const factor = Object.hasOwn(secondsOf, suffix) ? secondsOf[suffix] : undefined;
    return factor === undefined ? null : amount * factor;
  }
  if (unit === 'share' && suffix === '%') return amount / 100;
  return suffix === '' ? amount : null;
}

/** Resolves the models and devices that the solver asks about. */
export async function subjectOf(
  { name, needs, example }: Solver,
  typed: string | undefined,
  flags: SubjectFlags,
): Promise<Subject> {
  const devices = needs.includes('registry')
    ? listHardware().map(({ id }) => resolveHardware(id))
    : undefined;
  if (!needs.includes('replica')) return { devices };
  if (typed === undefined || flags.gpu === undefined) {
    throw new PlimsollError({
      code: typed === undefined ? 'missing-model' : 'missing-gpu',
      message: `plimsoll solve ${name} needs ${typed === undefined ? 'a model' : 'a device'}`,
      limit: 'a model and --gpu NAME',
      hint: `plimsoll solve ${name} ${example}`,
    });
  }
  const { assume, offline, weights: mixture } = flags;
  const { spec, reference, weights } = await modelOfArgument(typed, { assume, offline, mixture });
  const asked = weights === null || mixture !== undefined ? flags : { ...flags, weights };
  const request = planRequest({ spec, reference, draft: null }, replicaFlags(asked));
  const price = flags.price === undefined ? request.hardware.pricePerHourUsd : priceOf(flags.price);
  return {
    replica: { ...request, hardware: { ...request.hardware, pricePerHourUsd: price } },
    draft:
      flags.draft === undefined
        ? undefined
        : (await modelOfCommand(flags.draft, { offline, isDrafter: true })).spec,
    decodeDevice: flags.decodeGpu === undefined ? undefined : resolveHardware(flags.decodeGpu),
    devices,
  };
}

const replicaFlagNames: ReadonlySet<string> = new Set([
  ...['gpu', 'engine', 'weights', 'dtype', 'kv', 'tp', 'pp', 'dp', 'ep', 'memory', 'assume'],
]);

/** Only the flags of a replica: an input of a solver may have the name of another flag of `plan`. */
function replicaFlags(flags: SubjectFlags): PlanFlags {
  return Object.fromEntries(
    Object.entries(flags).filter(([name]) => replicaFlagNames.has(name)),
  ) as PlanFlags;
}

function priceOf(text: string): number {
  const price = readAmount('usd per hour', text);
  if (price !== null && price > 0 && price <= 1e6) return price;
  throw badValue('--price', text, 'US dollars of one device per hour, above 0 and at most 1000000');
}
