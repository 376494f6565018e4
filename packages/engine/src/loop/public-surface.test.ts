/** What others may rely on. A change here is a change of the contract, and is made on purpose or not at all. */
import { expect, test } from 'vitest';
import { createEngine, Engine, openModel } from '../index.ts';

test('engine', () => {
  const members = Object.entries(Object.getOwnPropertyDescriptors(Engine.prototype))
    .filter(([name]) => name !== 'constructor')
    .map(([name, { value }]) => (typeof value === 'function' ? `${name}(${value.length})` : name));
  expect(members).toMatchInlineSnapshot(`
    [
      "kernelPath",
      "contextMax",
      "metrics",
      "occupancy",
      "ledger(0)",
      "onStep(1)",
      "submit(1)",
      "generate(1)",
      "generateStream(1)",
      "observe(2)",
      "checkIntegrity(0)",
      "close(0)",
    ]
  `);
  expect([createEngine, openModel].map((each) => `${each.name}(${each.length})`)).toMatchInlineSnapshot(`
    [
      "createEngine(1)",
      "openModel(1)",
    ]
  `);
});
