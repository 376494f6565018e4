/**
 * Prometheus's text format: https://prometheus.io/docs/instrumenting/exposition_formats/
 * Gauges and counters are read when they are scraped; only histograms keep state.
 */
export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter';
  read(): number | readonly Sample[];
}

export interface HistogramView {
  readonly bounds: number[];
  readonly counts: number[];
  readonly sum: number;
}

/** Counts observations per bucket. Bounds are inclusive upper limits, ascending. */
export class Histogram {
  readonly name: string;
  readonly help: string;
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(options: { readonly name: string; readonly help: string; readonly bounds: readonly number[] }) {
    this.name = options.name;
    this.help = options.help;
    this.#bounds = options.bounds;
    this.#counts = options.bounds.map(() => 0);
  }

  observe(value: number): void {
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (bucket !== -1) this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum += value;
    this.#count++;
  }

  /** The counts per bucket; the last bucket has no bound. */
  get view(): HistogramView {
    const within = this.#counts.reduce((sum, count) => sum + count, 0);
    return { bounds: [...this.#bounds], counts: [...this.#counts, this.#count - within], sum: this.#sum };
  }

  lines(labels: Labels): readonly string[] {
    let below = 0;
    const buckets = this.#bounds.map((bound, index) => {
      below += this.#counts[index] ?? 0;
      return sampleLine(`${this.name}_bucket`, { ...labels, le: String(bound) }, below);
    });
    return [
      ...buckets,
      sampleLine(`${this.name}_bucket`, { ...labels, le: '+Inf' }, this.#count),
      sampleLine(`${this.name}_sum`, labels, this.#sum),
      sampleLine(`${this.name}_count`, labels, this.#count),
    ];
  }
}

/** Prints metrics with labels that all of them share. */
export function exposition(metrics: readonly (Metric | Histogram)[], labels: Labels): string {
  const lines = metrics.flatMap((metric) => {
    const isHistogram = metric instanceof Histogram;
    return [
      `# HELP ${metric.name} ${metric.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
      `# TYPE ${metric.name} ${isHistogram ? 'histogram' : metric.type}`,
      ...(isHistogram ? metric.lines(labels) : valueLines(metric, labels)),
    ];
  });
  return `${lines.join('\n')}\n`;
}

function valueLines(metric: Metric, shared: Labels): readonly string[] {
  const read = metric.read();
  if (typeof read === 'number') return [sampleLine(metric.name, shared, read)];
  return read.map(({ labels, value }) => sampleLine(metric.name, { ...shared, ...labels }, value));
}

function sampleLine(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
  return `${name}{${pairs.join(',')}} ${value}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
