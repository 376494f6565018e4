/** RMSNorm and LayerNorm over rows; threads split the rows. Squares are summed in four lanes of f32. */
import { horizontalSum } from './exponential';
import { splitStart, word, number } from './command';
import { scaleRun } from './elementwise';

/** Sums (x - center)^2 over a row; columns need not be a multiple of 4. */
function squares(input: usize, columns: u32, center: f32): f32 {
  const centers = f32x4.splat(center);
  let sum = f32x4.splat(0);
  const whole = columns & ~3;
  for (let i: u32 = 0; i < whole; i += 4) {
    const x = f32x4.sub(v128.load(input + (i << 2)), centers);
    sum = f32x4.add(sum, f32x4.mul(x, x));
  }
  let total = horizontalSum(sum);
  for (let i = whole; i < columns; i++) {
    const x = load<f32>(input + (i << 2)) - center;
    total += x * x;
  }
  return total;
}

function mean(input: usize, columns: u32): f32 {
  let sum = f32x4.splat(0);
  const whole = columns & ~3;
  for (let i: u32 = 0; i < whole; i += 4) sum = f32x4.add(sum, v128.load(input + (i << 2)));
  let total = horizontalSum(sum);
  for (let i = whole; i < columns; i++) total += load<f32>(input + (i << 2));
  return total / <f32>columns;
}

/**
 * Words: 1 input, 2 weight, 3 output, 4 rows, 5 columns, 6 epsilon (f32), 7 number added to each weight (f32), 8 whether
 * there is a weight.
 */
export function rmsNorm(command: usize, thread: u32, threads: u32): void {
  const weight: usize = word(command, 2), rows = word(command, 4), columns = word(command, 5);
  const offset = number(command, 7), offsets = f32x4.splat(offset), hasWeight = word(command, 8) != 0;
  const end = splitStart(rows, thread + 1, threads), whole = columns & ~3;
  for (let row = splitStart(rows, thread, threads); row < end; row++) {
    const input = <usize>word(command, 1) + ((row * columns) << 2);
    const output = <usize>word(command, 3) + ((row * columns) << 2);
    const factor: f32 = 1.0 / sqrt<f32>(squares(input, columns, 0) / <f32>columns + number(command, 6));
    if (!hasWeight) {
      scaleRun(input, output, columns, factor);
      continue;
    }
    const factors = f32x4.splat(factor);
    for (let i: u32 = 0; i < whole; i += 4) {
      const scaled = f32x4.mul(v128.load(input + (i << 2)), factors);
      v128.store(output + (i << 2), f32x4.mul(scaled, f32x4.add(v128.load(weight + (i << 2)), offsets)));
    }
    for (let i = whole; i < columns; i++) {
      store<f32>(output + (i << 2), load<f32>(input + (i << 2)) * factor * (load<f32>(weight + (i << 2)) + offset));
    }
  }
}

/** Words: 1 input, 2 weight, 3 bias, 4 output, 5 rows, 6 columns, 7 epsilon (f32), 8 whether there is a bias. */
export function layerNorm(command: usize, thread: u32, threads: u32): void {
  const weight: usize = word(command, 2), bias: usize = word(command, 3), hasBias = word(command, 8) != 0;
  const rows = word(command, 5), columns = word(command, 6), end = splitStart(rows, thread + 1, threads);
  for (let row = splitStart(rows, thread, threads); row < end; row++) {
    const input = <usize>word(command, 1) + ((row * columns) << 2);
    const output = <usize>word(command, 4) + ((row * columns) << 2);
    const center = mean(input, columns);
    const factor: f32 = 1.0 / sqrt<f32>(squares(input, columns, center) / <f32>columns + number(command, 7));
    for (let i: usize = 0; i < <usize>columns << 2; i += 4) {
      const scaled = (load<f32>(input + i) - center) * factor * load<f32>(weight + i);
      store<f32>(output + i, hasBias ? scaled + load<f32>(bias + i) : scaled);
    }
  }
}
