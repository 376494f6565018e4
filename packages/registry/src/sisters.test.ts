import { expect, test } from 'vitest';
import { listModels } from './node-registry.ts';
import { namedShape, sistersOf } from './sisters.ts';

test('a name states series, size and active parameters', () => {
  const names = ['Qwen/Qwen3.6-35B-A3B-Foo', 'llama3.1:8b', 'SmolLM2-135M', 'mixtral-8x7b', 'kimi-k3', '8b'];
  expect(names.map((name) => [name, namedShape(name)])).toMatchInlineSnapshot(`
    [
      [
        "Qwen/Qwen3.6-35B-A3B-Foo",
        {
          "activeBillions": 3,
          "billions": 35,
          "series": "qwen3.6",
        },
      ],
      [
        "llama3.1:8b",
        {
          "activeBillions": null,
          "billions": 8,
          "series": "llama3.1",
        },
      ],
      [
        "SmolLM2-135M",
        {
          "activeBillions": null,
          "billions": 0.135,
          "series": "smollm2",
        },
      ],
      [
        "mixtral-8x7b",
        {
          "activeBillions": null,
          "billions": 56,
          "series": "mixtral",
        },
      ],
      [
        "kimi-k3",
        null,
      ],
      [
        "8b",
        null,
      ],
    ]
  `);
});

test('sisters have the series and the nearest size, originals before quantised copies', () => {
  const sisters = (name: string): readonly string[] =>
    sistersOf(name, listModels())
      .slice(0, 4)
      .map(({ id }) => id);
  expect({
    'same shape': sisters('qwen3.6-35b-a3b-foo'),
    'next series': sisters('Qwen4-30B-A3B'),
    'other size': sisters('gemma-3-30b'),
    'no size': sisters('deepseek-v9'),
    'no series': sisters('unheard-of-7b'),
  }).toMatchInlineSnapshot(`
    {
      "next series": [
        "Qwen/Qwen3-30B-A3B",
        "Qwen/Qwen3-30B-A3B-Instruct-2507",
        "Qwen/Qwen3-30B-A3B-Thinking-2507",
        "Qwen/Qwen3.5-35B-A3B",
      ],
      "no series": [],
      "no size": [],
      "other size": [
        "google/gemma-3-27b-it",
        "google/gemma-3-27b-pt",
        "google/gemma-3-12b-it",
        "google/gemma-3-12b-pt",
      ],
      "same shape": [
        "Qwen/Qwen3.6-35B-A3B",
        "Qwen/Qwen3.6-27B",
        "Qwen/Qwen3.5-35B-A3B",
        "Qwen/Qwen3-30B-A3B",
      ],
    }
  `);
});
