/** Axes of charts: where a value lies, and which values are worth a tick. */

export interface Scale {
  /** Position of a value: 0 at the low end, 1 at the high one. */
  at(value: number): number;
  readonly ticks: readonly number[];
}

export interface ScaleOptions {
  readonly min: number;
  readonly max: number;
  /** Most ticks: as many as have room. */
  readonly ticksMax: number;
  /** Steps of token counts and users are powers of two. */
  readonly base?: 2 | 10;
}

/** A logarithmic axis, for quantities that a reader compares by factors; `min` must be above 0. */
export function logScale({ min, max, ticksMax, base = 10 }: ScaleOptions): Scale {
  const low = Math.log(min);
  const span = Math.log(max) - low;
  return {
    at: (value) => (span < 1e-6 ? 0.5 : (Math.log(value) - low) / span),
    ticks: thin(powersBetween(min, max, base), ticksMax),
  };
}

/** From 0, so that lengths compare as the values do. Bytes are marked at round numbers of their binary units. */
export function linearScale({ max, ticksMax, base = 10 }: Omit<ScaleOptions, 'min'>): Scale {
  const wanted = max / Math.max(1, ticksMax - 1);
  const step = base === 2 && wanted > 0 ? 2 ** Math.ceil(Math.log2(wanted) - 1e-9) : niceStep(wanted);
  const top = max <= 0 ? 1 : Math.ceil(max / step - 1e-9) * step;
  const ticks: number[] = [];
  for (let index = 0; index * step <= top * (1 + 1e-9); index++) ticks.push(index * step);
  return { at: (value) => value / top, ticks };
}

function powersBetween(min: number, max: number, base: number): readonly number[] {
  const first = Math.ceil(Math.log(min) / Math.log(base) - 1e-9);
  const last = Math.floor(Math.log(max) / Math.log(base) + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => base ** (first + index));
}

/** Keeps every second, third, ... value, so that the kept values are evenly spaced. */
function thin(values: readonly number[], most: number): readonly number[] {
  const every = Math.max(1, Math.ceil(values.length / most));
  return values.filter((_, index) => index % every === 0);
}

/** 1, 2 or 5 times a power of ten, at least `step`. */
function niceStep(step: number): number {
  if (step <= 0) return 1;
  const magnitude = 10 ** Math.floor(Math.log10(step));
  const nice = [1, 2, 5, 10].find((factor) => factor * magnitude >= step * (1 - 1e-9)) ?? 10;
  return nice * magnitude;
}
