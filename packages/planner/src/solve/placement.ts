/** Where to serve: carbon, distance to the users, and price, for each region of the registry. */
import { PlimsollError } from '@plimsoll/foundation';
import data from '@plimsoll/registry/regions' with { type: 'json' };
import { joulesPerKwh } from '../deployment/power.ts';
import { perMillion } from '../deployment/price.ts';
import { powerInputs, wattsOf } from './energy.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';
import { assertHeld, infeasible, servingPoint, servingReplica } from './subject.ts';

/** Kilometres per second of light in glass fibre: its refractive index is about 1.47 (ITU-T G.652). */
const fibreKmPerSecond = 299_792.458 / 1.47;
/** Mean radius of the Earth in kilometres (IUGG). */
const earthRadiusKm = 6371.0088;

export const placement: Solver = defineSolver({
  name: 'placement',
  summary: 'which region: carbon of the output, least round trip to the users, price with carbon',
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
    latitude: {
      kind: 'number',
      unit: 'degrees',
      words: 'latitude of the users, north positive',
      least: -90,
      most: 90,
      default: null,
    },
    longitude: {
      kind: 'number',
      unit: 'degrees',
      words: 'longitude of the users, east positive',
      least: -180,
      most: 180,
      default: null,
    },
    ttftLimit: {
      kind: 'number',
      unit: 'seconds',
      words: 'longest time to the first token at the users',
      least: 1e-6,
      most: 1e6,
      default: null,
    },
    carbonPrice: {
      kind: 'number',
      unit: 'usd per tonne',
      words: 'price of a tonne of CO2 equivalent',
      least: 0,
      most: 100_000,
      default: 0,
    },
    ...powerInputs,
  },
  outputs: {
    best: { unit: 'text', words: 'lowest price with carbon, then lowest carbon, within the limit' },
    gramsPerMillionOutput: { unit: 'grams', words: 'CO2 equivalent per million output tokens there' },
    perMillionOutputUsd: {
      unit: 'usd per million tokens',
      words: 'price of the output there, carbon included',
    },
    roundTripSeconds: { unit: 'seconds', words: 'least round trip to the users' },
    ttftSeconds: { unit: 'seconds', words: 'time to the first token at the users' },
    nearest: { unit: 'text', words: 'region with the least round trip' },
    worstOverBest: { unit: 'ratio', words: 'carbon of the dirtiest region over the best' },
  },
  columns: {
    region: { unit: 'text', words: 'region' },
    city: { unit: 'text', words: 'city' },
    gramsPerMillionOutput: { unit: 'grams', words: 'CO2e per M' },
    perMillionOutputUsd: { unit: 'usd per million tokens', words: 'with carbon' },
    roundTripSeconds: { unit: 'seconds', words: 'round trip' },
    ttftSeconds: { unit: 'seconds', words: 'first token' },
  },
  formula: [
    'carbon = energy of the output (solve energy) x intensity of the grid',
    'round trip >= 2 x great circle / speed of light in fibre; first token at the users = round trip + first token of the replica',
    'price with carbon = price of the output + carbon x carbon price',
  ],
  limits: [
    'The round trip is a lower bound: cables bend and routers wait; measured round trips are often 1.5 to 2 times as long.',
    'A device costs the same in every region: the registry has no prices by region. --price sets one.',
    'Intensities are yearly means of the grid. Hours differ, and certificates are not counted.',
  ],
  sources: [
    'Intensities and cities: packages/registry/data/regions.json, with their sources',
    'mlsysim 0.3.0, PlacementOptimizer: three regions, of which one intensity is illustrative (Iowa, 680 g/kWh); no latency.',
  ],
  example:
    'llama-3.1-8b-instruct --gpu h100 --engine none --latitude 48.1 --longitude 11.6 --carbon-price 80',
  solve(values, subject) {
    const replica = servingReplica(subject, values);
    assertHeld(replica, values.users);
    const point = servingPoint(replica, values, values.users);
    const kwhPerMillion = ((wattsOf(replica, values) / point.outputTokensPerSecond) * 1e6) / joulesPerKwh;
    const price =
      replica.perHourUsd === null ? null : perMillion(replica.perHourUsd, point.outputTokensPerSecond);
    const users = placeOf(values);
    const rows = data.regions.map((region) =>
      rowOf(region, { ...values, users, kwhPerMillion, price, ttft: point.ttftSeconds }),
    );
    const allowed = rows
      .filter(({ ttftSeconds }) => values.ttftLimit === null || ttftSeconds <= values.ttftLimit)
      .toSorted(byPrice);
    const [best] = allowed;
    if (best === undefined) throw tooFar(rows, values.ttftLimit ?? 0);
    const nearest =
      users === null
        ? null
        : rows.toSorted((left, right) => (left.roundTripSeconds ?? 0) - (right.roundTripSeconds ?? 0))[0];
    const dirtiest = Math.max(...rows.map(({ gramsPerMillionOutput }) => gramsPerMillionOutput));
    const { region, city, ...figures } = best;
    return {
      outputs: {
        best: `${region} (${city})`,
        ...figures,
        nearest: nearest == null ? null : `${nearest.region} (${nearest.city})`,
        worstOverBest: dirtiest / best.gramsPerMillionOutput,
      },
      rows: allowed,
    };
  },
});

interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

interface Row {
  readonly region: string;
  readonly city: string;
  readonly gramsPerMillionOutput: number;
  readonly perMillionOutputUsd: number | null;
  readonly roundTripSeconds: number | null;
  readonly ttftSeconds: number;
}

/** The place of the users; null if neither coordinate is given. */
function placeOf({
  latitude,
  longitude,
}: {
  readonly latitude: number | null;
  readonly longitude: number | null;
}): Place | null {
  if (latitude !== null && longitude !== null) return { latitude, longitude };
  if (latitude === null && longitude === null) return null;
  throw halfAPlace();
}

type Region = (typeof data.regions)[number];

interface Serving {
  readonly users: Place | null;
  readonly kwhPerMillion: number;
  readonly price: number | null;
  readonly carbonPrice: number;
  /** Seconds to the first token at the replica. */
  readonly ttft: number;
}

function rowOf(region: Region, { users, kwhPerMillion, price, carbonPrice, ttft }: Serving): Row {
  const grams = kwhPerMillion * region.gramsPerKwh;
  const roundTripSeconds = users === null ? null : (2 * distanceKm(users, region)) / fibreKmPerSecond;
  return {
    region: region.id,
    city: region.city,
    gramsPerMillionOutput: grams,
    perMillionOutputUsd: price === null ? null : price + (grams / 1e6) * carbonPrice,
    roundTripSeconds,
    ttftSeconds: ttft + (roundTripSeconds ?? 0),
  };
}

function byPrice(left: Row, right: Row): number {
  const difference = (left.perMillionOutputUsd ?? 0) - (right.perMillionOutputUsd ?? 0);
  return difference === 0 ? left.gramsPerMillionOutput - right.gramsPerMillionOutput : difference;
}

/** Returns the length of the great circle between two places (haversine formula). */
export function distanceKm(from: Place, to: Place): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const half = (first: number, second: number): number => Math.sin(radians(second - first) / 2) ** 2;
  const chord =
    half(from.latitude, to.latitude) +
    Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * half(from.longitude, to.longitude);
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(chord)));
}

function halfAPlace(): PlimsollError {
  return new PlimsollError({
    code: 'missing-input',
    message: 'a place has a latitude and a longitude',
    limit: '--latitude and --longitude',
    hint: '--latitude 48.1 --longitude 11.6',
  });
}

function tooFar(rows: readonly Row[], limit: number): PlimsollError {
  const least = Math.min(...rows.map(({ ttftSeconds }) => ttftSeconds));
  return infeasible('no region gives the first token within the limit', {
    value: least,
    limit,
    hint: 'a longer --ttft-limit, fewer --users, or a faster replica',
  });
}
