/**
 * Speed of the kernels compared with the limits of the machine, in one run: read bandwidth of memory, GB/s of each
 * mat-vec (one token, bytes of weights per second) and its share of that bandwidth, GFLOP/s of each mat-mul (512
 * tokens).
 *
 *     node benchmarks/kernels.ts [--json] [--build simd|relaxed|relaxed-dot32] [--threads 1,2] [--formats q8_0,q4_0]
 *
 * Counts are fixed. Reads and formats are interleaved, round after round, so that a busy moment affects them all. A
 * mat-vec sample reads 8 MiB of weights, the next sample the next 8 MiB of 96, so that no cache holds them. The report
 * prints medians and best tenths: on a machine with other load, the best tenth is closer to the speed of the code.
 * Scales are normal numbers: subnormal numbers would make a kernel look several times slower than it is.
 */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import {
  activationBytes,
  type BuildName,
  controlBytes,
  createNodeKernels,
  type KernelOperation,
  type KernelWeightFormat,
  repackedBytes,
  rowBytes,
  type WasmKernels,
  weightFormats,
} from '@plimsoll/kernels';

const columns = 4096;
const weightBytes = 96 * 2 ** 20;
const sliceBytes = 8 * 2 ** 20;
const vectorRounds = 60;
const productTokens = 512;
const productRows = 256;
const productEvery = 10;
const warmUpRounds = 12;

interface Figures {
  readonly median: number;
  readonly best: number;
}

interface Row {
  readonly format: KernelWeightFormat | 'read';
  readonly threads: number;
  readonly vectorGigabytesPerSecond: Figures;
  /** Ratio of the medians of the same rounds, and ratio of the best figures. */
  readonly shareOfBandwidth: Figures;
  readonly productGigaflops: Figures | null;
}

/** Returns the median, and the value that one sample in ten surpasses. */
function figures(rates: readonly number[]): Figures {
  const sorted = rates.toSorted((left, right) => left - right);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { median: at(0.5), best: at(0.9) };
}

/** Returns the seconds that `run` takes. */
function timed(run: () => void): number {
  const start = performance.now();
  run();
  return (performance.now() - start) / 1000;
}

/** Fills panels directly: random bytes, then scales (and float elements) of magnitude 0.004 to 0.03. */
function fillWeights(bytes: Uint8Array, format: KernelWeightFormat): void {
  const random = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  let state = 0x9e3779b9;
  for (let i = 0; i < random.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    random[i] = format === 'f32' ? (state & 0x807fffff) | 0x3c000000 : state;
  }
  const { blockBytes, fields } = weightFormats[format];
  const mask = format === 'bf16' ? { keep: 0x80ff, set: 0x3c00 } : { keep: 0x83ff, set: 0x2000 };
  const panelBlock = 8 * blockBytes;
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  for (let block = 0; block < bytes.length; block += panelBlock) {
    for (const { placeBytes, sizeBytes, unitBytes } of fields) {
      const start = (block + 8 * placeBytes) / 2;
      for (let i = 0; unitBytes === 2 && i < 4 * sizeBytes; i++) {
        halves[start + i] = ((halves[start + i] ?? 0) & mask.keep) | mask.set;
      }
    }
  }
}

/** One arena that holds a weight of every format, activations and an output. */
class Bench {
  readonly formats: readonly KernelWeightFormat[];
  readonly memory: WebAssembly.Memory;
  readonly input = controlBytes;
  readonly activations = this.input + 4 * productTokens * columns;
  readonly output = this.activations + activationBytes('q8_0', productTokens, columns);
  readonly weights = 32 * 2 ** 20;

  constructor(formats: readonly KernelWeightFormat[]) {
    const pages = (this.weights + formats.length * weightBytes) / 65536;
    this.formats = formats;
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const input = new Float32Array(this.memory.buffer, this.input, productTokens * columns);
    for (let i = 0; i < input.length; i++) input[i] = Math.sin(i * 0.7) * 2;
    for (const format of formats) {
      const start = this.weightsOf(format, 0);
      const size = Math.floor(weightBytes / this.slice(format)) * this.slice(format);
      fillWeights(new Uint8Array(this.memory.buffer, start, size), format);
    }
  }

  rows(format: KernelWeightFormat): number {
    return Math.floor(sliceBytes / rowBytes(format, columns) / 8) * 8;
  }

  /** Returns the bytes that one mat-vec sample reads. */
  slice(format: KernelWeightFormat): number {
    return repackedBytes(format, this.rows(format), columns);
  }

  weightsOf(format: KernelWeightFormat, round: number): number {
    const slices = Math.floor(weightBytes / this.slice(format));
    return this.weights + this.formats.indexOf(format) * weightBytes + (round % slices) * this.slice(format);
  }

  product(
    format: KernelWeightFormat,
    round: number,
    shape: { rows: number; tokens: number },
  ): KernelOperation[] {
    const isFloat = weightFormats[format].activations === 'f32';
    const activations = isFloat ? this.input : this.activations;
    const { rows, tokens } = shape;
    const weights = this.weightsOf(format, round);
    const places = {
      weights,
      activations,
      output: this.output,
      outputStrideBytes: 4 * rows,
      accumulate: false,
      path: 'auto' as const,
    };
    return [
      { op: 'quantise', format, tokens, columns, input: this.input, output: activations },
      { op: 'mat-mul', format, tokens, columns, rows, ...places },
    ];
  }
}

interface Samples {
  readonly read: number[];
  readonly vector: number[];
  readonly product: number[];
}

/**
 * Measures one read, one mat-vec and, in some rounds, one mat-mul, of slices outside the caches; in GB/s and GFLOP/s.
 */
function sample(
  bench: Bench,
  kernels: WasmKernels,
  at: { format: KernelWeightFormat; round: number },
  into: Samples,
): void {
  const { format, round } = at;
  const input = bench.weightsOf(format, round + 6);
  const read: KernelOperation = { op: 'read-sum', input, sizeBytes: sliceBytes, output: bench.output };
  const vector = bench.product(format, round, { rows: bench.rows(format), tokens: 1 });
  into.read.push((sliceBytes / timed(() => kernels.run(0, [read]))) * 1e-9);
  into.vector.push((bench.slice(format) / timed(() => kernels.run(0, vector))) * 1e-9);
  if (Math.floor(round / 2) % productEvery !== 0) return;
  const product = bench.product(format, round, { rows: productRows, tokens: productTokens });
  const flops = 2 * productRows * productTokens * columns;
  into.product.push((flops / timed(() => kernels.run(0, product))) * 1e-9);
}

/** Measures interleaved rounds over formats and pools; the first rounds warm up and do not count. */
function measureAll(bench: Bench, pools: readonly WasmKernels[]): Row[] {
  const samples = new Map<string, Samples>();
  for (let round = -warmUpRounds; round < vectorRounds; round++) {
    for (const format of bench.formats) {
      for (const [index, kernels] of pools.entries()) {
        const key = `${format} ${kernels.threads}`;
        const into = round < 0 ? undefined : samples.get(key);
        const target = into ?? { read: [], vector: [], product: [] };
        samples.set(key, target);
        sample(bench, kernels, { format, round: 2 * (round + warmUpRounds) + index }, target);
      }
    }
  }
  return pools.flatMap(({ threads }) => {
    const samplesOf = (format: KernelWeightFormat): Samples =>
      samples.get(`${format} ${threads}`) ?? { read: [], vector: [], product: [] };
    const read = figures(bench.formats.flatMap((format) => samplesOf(format).read));
    const rows = bench.formats.map((format): Row => {
      const { vector, product } = samplesOf(format);
      const rate = figures(vector);
      return {
        format,
        threads,
        vectorGigabytesPerSecond: rate,
        shareOfBandwidth: { median: rate.median / read.median, best: rate.best / read.best },
        productGigaflops: figures(product),
      };
    });
    const head = { format: 'read', threads, vectorGigabytesPerSecond: read, productGigaflops: null } as const;
    return [{ ...head, shareOfBandwidth: { median: 1, best: 1 } }, ...rows];
  });
}

function table(rows: readonly Row[]): string {
  const pair = (value: Figures, digits: number, scale = 1): string =>
    `${(scale * value.median).toFixed(digits)} / ${(scale * value.best).toFixed(digits)}`.padStart(15);
  const lines = rows.map(({ format, threads, ...row }) =>
    [
      format.padEnd(6),
      String(threads).padStart(7),
      pair(row.vectorGigabytesPerSecond, 1),
      pair(row.shareOfBandwidth, 0, 100),
      row.productGigaflops === null ? '' : pair(row.productGigaflops, 0),
    ].join(''),
  );
  return ['format threads   mat-vec GB/s % of bandwidth mat-mul GFLOP/s (median / best)', ...lines].join(
    '\n',
  );
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    build: { type: 'string' },
    threads: { type: 'string', default: '1,2' },
    formats: { type: 'string', default: Object.keys(weightFormats).join(',') },
  },
});
const build = (['simd', 'relaxed', 'relaxed-dot32'] satisfies BuildName[]).find(
  (name) => name === values.build,
);
const formats = values.formats
  .split(',')
  .flatMap((name) => Object.keys(weightFormats).filter((key): key is KernelWeightFormat => key === name));
const bench = new Bench(formats);
const arenas = [{ memory: bench.memory, controlPointer: 0 }];
const pools: WasmKernels[] = [];
for (const threads of values.threads.split(',').map(Number)) {
  pools.push(await createNodeKernels({ arenas, threads, ...(build !== undefined && { build }) }));
}
const rows = measureAll(bench, pools);
const machine = {
  processor: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  node: process.version,
  path: pools[0]?.path,
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  date: new Date().toISOString(),
};
process.stdout.write(
  values.json
    ? `${JSON.stringify({ machine, columns, weightBytes, sliceBytes, productTokens, productRows, rows }, null, 2)}\n`
    : `${machine.processor}, ${machine.cores} cores, Node ${machine.node}, ${machine.path}, ${machine.commit}\n${table(rows)}\n`,
);
await Promise.all(pools.map((kernels) => kernels.close()));
