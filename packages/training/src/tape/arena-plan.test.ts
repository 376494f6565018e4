import { ledgerBytes } from '@plimsoll/planner/ledger';
import { expect, test } from 'vitest';
import { add } from '../operations/elementwise.ts';
import { linear } from '../operations/linear.ts';
import { planArena } from './arena-plan.ts';
import { ParameterSet } from './parameter-set.ts';
import { Tape } from './tape.ts';
import { wasmArenaBytes } from './wasm-memory.ts';

/** A stack of linear layers with residuals, of `layers` layers on `rows` rows. */
function stack(layers: number, rows: number, trains: boolean) {
  const parameters = new ParameterSet();
  const weights = Array.from({ length: layers }, (_, layer) => parameters.trained(`layer ${layer}`, 32, 32));
  const tape = new Tape({ trains, parameterGradients: parameters.gradients });
  let hidden = tape.input('input', rows, 32);
  for (const [layer, weight] of weights.entries())
    hidden = add(tape, `sum ${layer}`, hidden, linear(tape, `layer ${layer}`, [{ input: hidden, weight }]));
  if (trains) tape.gradient(hidden);
  return { parameters, recording: tape.finish() };
}

test('the ledger of a plan has the bytes of its arena', () => {
  const { parameters, recording } = stack(4, 64, true);
  const plan = planArena(parameters, [recording]);
  expect(ledgerBytes(plan.ledger, { tier: 'host' })).toBe(wasmArenaBytes(plan.elementCount, plan.panels));
  expect(
    plan.ledger.entries.map(({ category, tag, bytes }) => `${category}, ${tag}: ${bytes}`),
  ).toMatchInlineSnapshot(`
    [
      "draft, trained weights: 16384",
      "draft, gradients: 16384",
      "draft, AdamW moments: 32768",
      "weights, frozen target weights: 0",
      "activations, training step: 57344",
      "workspace, packed operands: 107520",
    ]
  `);
});

test('an evaluation keeps no activations: its memory does not grow with the layers', () => {
  const transient = (layers: number, trains: boolean): number => {
    const { parameters, recording } = stack(layers, 64, trains);
    return ledgerBytes(planArena(parameters, [recording]).ledger, { category: 'activations', tier: 'host' });
  };
  expect(transient(12, false)).toBe(transient(4, false));
  expect(transient(12, true)).toBeGreaterThan(transient(4, true));
});

test('recordings of several lengths share one range', () => {
  const long = stack(3, 64, true);
  const tape = new Tape({ trains: false, parameterGradients: long.parameters.gradients });
  tape.input('unused', 8, 8);
  const plan = planArena(long.parameters, [long.recording, tape.finish()]);
  expect(plan.elementCount).toBe(planArena(long.parameters, [long.recording]).elementCount);
});

test('a plan beyond the largest arena is refused before anything is allocated', () => {
  const { parameters, recording } = stack(2, 2 ** 24, true);
  expect(() => planArena(parameters, [recording])).toThrowError(
    expect.objectContaining({ code: 'training-memory-too-large' }),
  );
});

test('two weights cannot have one name', () => {
  const parameters = new ParameterSet();
  parameters.trained('fc', 1, 1);
  expect(() => parameters.frozen('fc', 1, 1)).toThrowError(
    expect.objectContaining({ code: 'duplicate-parameter' }),
  );
});
