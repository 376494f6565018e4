/** Energy, carbon and electricity of served tokens. */
import { carbonGrams, deviceWatts, joulesPerKwh, type PowerShares } from '../deployment/power.ts';
import { powersTo } from './search.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';
import { assertHeld, infeasible, type Replica, servingPoint, servingReplica } from './subject.ts';

/** The inputs that turn devices into watts. */
export const powerInputs = {
  powerShare: {
    kind: 'number',
    unit: 'share',
    words: 'power that a device draws while it serves, over that of its data sheet',
    least: 0.01,
    most: 1,
    default: 1,
  },
  otherPower: {
    kind: 'number',
    unit: 'watts',
    words: 'power of processors, fans and network for each device',
    least: 0,
    most: 100_000,
    default: 0,
  },
  pue: {
    kind: 'number',
    unit: 'ratio',
    words: 'energy of the building over that of its machines',
    least: 1,
    most: 5,
    default: 1,
  },
} as const;

export const energy: Solver = defineSolver({
  name: 'energy',
  summary: 'energy, carbon and electricity of requests and tokens',
  needs: ['replica'],
  inputs: {
    users: {
      kind: 'number',
      unit: 'count',
      words: 'requests that a replica runs at once',
      least: 1,
      most: 65_536,
      default: 32,
    },
    promptTokens: tokensInput({ words: 'prompt of a request', default: 1024 }),
    outputTokens: tokensInput({ words: 'output of a request', default: 256 }),
    cachedTokens: tokensInput({ words: 'prompt tokens in the prefix cache', default: 0, least: 0 }),
    ...powerInputs,
    carbonIntensity: {
      kind: 'number',
      unit: 'grams per kWh',
      words: 'CO2 equivalent of the electricity (plimsoll solve placement lists regions)',
      least: 0,
      most: 5000,
      default: null,
    },
    electricityPrice: {
      kind: 'number',
      unit: 'usd per kWh',
      words: 'price of electricity',
      least: 0,
      most: 100,
      default: null,
    },
  },
  outputs: {
    watts: { unit: 'watts', words: 'power of the replica, building included' },
    joulesPerOutputToken: { unit: 'joules', words: 'energy of an output token, its prompt included' },
    joulesPerRequest: { unit: 'joules', words: 'energy of a request' },
    kwhPerMillionOutput: { unit: 'kWh', words: 'energy of a million output tokens' },
    gramsPerMillionOutput: { unit: 'grams', words: 'CO2 equivalent per million output tokens' },
    usdPerMillionOutput: { unit: 'usd per million tokens', words: 'electricity of the output' },
    kwhPerDay: { unit: 'kWh', words: 'energy of a day at this load' },
    tokensPerSecond: { unit: 'tokens per second', words: 'output of the replica' },
  },
  columns: {
    users: { unit: 'count', words: 'requests' },
    tokensPerSecond: { unit: 'tokens per second', words: 'output' },
    joulesPerOutputToken: { unit: 'joules', words: 'per token' },
  },
  formula: [
    'power = devices x (power of the data sheet x share + other power) x PUE',
    'energy of an output token = power / output tokens per second, prompts included',
    'carbon = energy x intensity; electricity = energy x price',
  ],
  limits: [
    'The share is an input: decode draws less than the data sheet names, and no measurement of this model and device is in the registry. The default is the most that the device draws.',
    'Operation only: making the devices is not in it.',
    'An idle device draws power too; this is the energy at the stated load.',
  ],
  sources: [
    'Power of devices from the registry, with their sources',
    'mlsysim 0.3.0, SustainabilityModel: power = data sheet x (0.3 + 0.7 x share of the peak FLOPS). Decode is bound by memory and reaches a few percent of these, so that formula puts a busy device near idle; the shares have no source.',
  ],
  example: 'llama-3.1-8b-instruct --gpu h100 --engine none --pue 1.2 --carbon-intensity 345',
  solve(values, subject) {
    const replica = servingReplica(subject, values);
    assertHeld(replica, values.users);
    const watts = wattsOf(replica, values);
    const joulesAt = (users: number): number =>
      watts / servingPoint(replica, values, users).outputTokensPerSecond;
    const joules = joulesAt(values.users);
    const kwhPerMillionOutput = (joules * 1e6) / joulesPerKwh;
    const { carbonIntensity, electricityPrice } = values;
    return {
      outputs: {
        watts,
        joulesPerOutputToken: joules,
        joulesPerRequest: joules * values.outputTokens,
        kwhPerMillionOutput,
        gramsPerMillionOutput: carbonIntensity === null ? null : carbonGrams(joules * 1e6, carbonIntensity),
        usdPerMillionOutput: electricityPrice === null ? null : kwhPerMillionOutput * electricityPrice,
        kwhPerDay: (watts * 86_400) / joulesPerKwh,
        tokensPerSecond: watts / joules,
      },
      rows: powersTo(values.users).map((users) => ({
        users,
        tokensPerSecond: watts / joulesAt(users),
        joulesPerOutputToken: joulesAt(users),
      })),
    };
  },
});

/** Returns the power of a replica in watts, building included. */
export function wattsOf({ request, devices }: Replica, shares: PowerShares): number {
  const { tdpWatts, name } = request.hardware;
  if (tdpWatts === null)
    throw infeasible(`the registry has no power of ${name}`, {
      hint: 'another --gpu: plimsoll zoo hardware',
    });
  return devices * deviceWatts(tdpWatts, shares);
}
