/**
 * Compares a record with the targets of the engine. A target applies to every model, so the report shows the worst
 * model.
 */
import { percent, times } from '../record/report-text.ts';
import { median } from '../record/statistics.ts';
import { type EngineRecord, hasFigures, type ModelResult } from './engine-record.ts';
import type { EngineName } from './peers.ts';

const ratioTargets = [
  { kind: 'decode', peer: 'node-llama-cpp', atLeast: 1.3 },
  { kind: 'prefill', peer: 'node-llama-cpp', atLeast: 0.8 },
  { kind: 'decode', peer: 'llama-cpp-python', atLeast: 1 },
] as const;
const bandwidthShareTarget = 0.8;
const loadTimesTarget = 1.5;
const firstTokenSecondsTarget = 0.7;

export interface Target {
  readonly name: string;
  readonly goal: string;
  readonly value: string;
  readonly met: boolean;
}

export function targetsOf(record: EngineRecord): readonly Target[] {
  const { models, firstToken } = record;
  const targets: Target[] = [];
  const add = (name: string, goal: string, found: Extreme | null, met: (value: number) => boolean): void => {
    if (found === null) return;
    const value = `${found.text} (${found.model})`;
    targets.push({ name, goal, value, met: met(found.value) });
  };
  for (const { kind, peer, atLeast } of ratioTargets) {
    const goal = `at least ${atLeast.toFixed(1)}x ${peer}`;
    const worst = lowest(models, (model) => speedRatio(model, kind, peer));
    add(kind, goal, asText(worst, times), (value) => value >= atLeast);
  }
  const share = asText(lowest(models, bandwidthShare), percent);
  add('decode', 'at least 80 % of bandwidth', share, (value) => value >= bandwidthShareTarget);
  for (const [place, name] of [
    ['cached', 'load'],
    ['disk', 'load from disk'],
  ] as const) {
    const worst = lowest(models, (model) => negative(loadTimes(model, place)));
    const found = asText(negatedExtreme(worst), times);
    add(name, `under ${loadTimesTarget} x reading`, found, (value) => value < loadTimesTarget);
  }
  if (!('refused' in firstToken)) {
    const value = median(firstToken.seconds);
    const text = `${(1000 * value).toFixed(0)} ms`;
    add('first token', 'under 700 ms', { value, text, model: firstToken.model }, (found) => {
      return found < firstTokenSecondsTarget;
    });
  }
  return targets;
}

interface Worst {
  readonly value: number;
  readonly model: string;
}

interface Extreme extends Worst {
  readonly text: string;
}

function lowest(models: readonly ModelResult[], of: (model: ModelResult) => number | null): Worst | null {
  const found = models.flatMap((model): Worst[] => {
    const value = of(model);
    return value === null ? [] : [{ value, model: `${model.shape} ${model.mixture}` }];
  });
  return found.sort((left, right) => left.value - right.value)[0] ?? null;
}

function negative(value: number | null): number | null {
  return value === null ? null : -value;
}

function negatedExtreme(worst: Worst | null): Worst | null {
  return worst === null ? null : { ...worst, value: -worst.value };
}

function asText(worst: Worst | null, text: (value: number) => string): Extreme | null {
  return worst === null ? null : { ...worst, text: text(worst.value) };
}

function speedRatio({ engines }: ModelResult, kind: 'prefill' | 'decode', peer: EngineName): number | null {
  const ours = engines.plimsoll;
  const theirs = engines[peer];
  return hasFigures(ours) && hasFigures(theirs) ? median(ours[kind]) / median(theirs[kind]) : null;
}

function bandwidthShare({ engines, tokenBytes, bandwidth }: ModelResult): number | null {
  const ours = engines.plimsoll;
  return hasFigures(ours) ? (median(ours.decode) * tokenBytes) / median(bandwidth) : null;
}

function loadTimes({ load }: ModelResult, place: 'cached' | 'disk'): number | null {
  if (load === null) return null;
  const [read, loaded] = place === 'cached' ? [load.read, load.load] : [load.readFromDisk, load.loadFromDisk];
  return read.length === 0 ? null : median(loaded) / median(read);
}
