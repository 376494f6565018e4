/**
 * Sisters of an unknown model: records whose names have the same series and the nearest size. A name writes its shape:
 * `Qwen3.6-35B-A3B-Foo` is of series `qwen3.6`, has 35 billion parameters, and 3 billion of them are active.
 */
import { withoutOwnerPrefix } from './model-names.ts';
import { nameKey } from './name-key.ts';
import type { ModelRow } from './registry-index.ts';

interface NamedShape {
  /** Name key of the words before the size, without the owner. */
  readonly series: string;
  readonly billions: number;
  /** Null for a dense model. */
  readonly activeBillions: number | null;
}

const sizeForm =
  /(?:^|[-_ :.])(?:e|(\d+)x)?(\d+(?:\.\d+)?)(b|m|t)(?![a-z0-9])(?:[-_ ]a(\d+(?:\.\d+)?)b(?![a-z0-9]))?/i;
const unitBillions: Readonly<Record<string, number>> = { m: 1e-3, b: 1, t: 1e3 };
/** Series are compared by their letters where no record has the whole series: `qwen3.9` is near `qwen3.8`. */
const differentSeriesSteps = 2;
/** Mixtures of experts and dense models of one size differ more than neighboring sizes. */
const differentKindSteps = 1;
/** Quantised copies come after originals of up to ten times the size. */
const quantizedSteps = 3.5;

/** Reads series and size from a name; null if it states no size. */
export function namedShape(name: string): NamedShape | null {
  const last = withoutOwnerPrefix(name.slice(name.indexOf('/') + 1));
  const size = sizeForm.exec(last);
  if (size === null || size.index === 0) return null;
  const [, experts = '1', count = '', unit = '', active] = size;
  return {
    series: nameKey(last.slice(0, size.index)),
    billions: Number(experts) * Number(count) * (unitBillions[unit.toLowerCase()] ?? 1),
    activeBillions: active === undefined ? null : Number(active),
  };
}

/** Returns the sisters of a typed name, nearest first; empty if the name states no size or no series is alike. */
export function sistersOf(name: string, rows: readonly ModelRow[]): readonly ModelRow[] {
  const asked = namedShape(name);
  if (asked === null) return [];
  const found: { readonly row: ModelRow; readonly steps: number }[] = [];
  for (const row of rows) {
    const steps = distance(asked, row);
    if (steps !== null) found.push({ row, steps });
  }
  found.sort((left, right) => left.steps - right.steps || (left.row.id < right.row.id ? -1 : 1));
  return found.map(({ row }) => row);
}

function distance(asked: NamedShape, row: ModelRow): number | null {
  const own = namedShape(row.id);
  if (own === null || letters(own.series) !== letters(asked.series)) return null;
  const isSameSeries = own.series === asked.series;
  const isSameKind = (own.activeBillions === null) === (asked.activeBillions === null);
  return (
    Math.abs(Math.log2(own.billions / asked.billions)) +
    (isSameSeries ? 0 : differentSeriesSteps) +
    (isSameKind ? 0 : differentKindSteps) +
    (row.quantization === null ? 0 : quantizedSteps)
  );
}

function letters(series: string): string {
  return series.replaceAll(/[\d.-]/g, '');
}
