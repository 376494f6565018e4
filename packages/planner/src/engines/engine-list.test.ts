/** Properties of the options and names of every engine. */
import { shippedRegistry } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import { model } from '../test-models.ts';
import { optionWords } from './contract/option-spec.ts';
import { engineFaces, engineNamed, engineNames, type PlanRequest } from './engine-list.ts';
import { engineProfile } from './engines.ts';

/** Texts of every kind that options accept. */
const texts = [
  ...['on', '1', '64', '0.5', '90 %', 'all', 'auto', 'off', 'q8_0', 'f32'],
  ...['layer', 'tensor', 'tokens', 'draft-mtp', 'yarn', 'exps=CPU', 'CUDA0,CUDA1'],
  ...['float32', 'EAGLE', 'prefill', 'data', 'interactivity'],
  ...['{"method":"mtp","num_speculative_tokens":2}', '{"image":2}', 'align'],
  '{"kv_connector":"LMCacheConnectorV1","kv_role":"kv_both"}',
];

test('an option writes a value that it read, and reads the same value again', () => {
  for (const { name: engine, options } of engineFaces) {
    for (const { name, read, write } of options) {
      if (read === null) continue;
      const taken = texts.flatMap((text) => {
        try {
          return read(text) ?? [];
        } catch {
          return [];
        }
      });
      expect(taken.length, `${engine}: --${name} takes one of the texts`).toBeGreaterThan(0);
      for (const value of taken) {
        const written = write(value);
        if (written !== null) expect(read(written), `${engine}: --${name} ${written}`).toEqual(value);
      }
    }
  }
});

test('an engine is found by any of its names in any case; other names are refused with the list', () => {
  expect(engineNamed('vLLM').name).toBe(engineNames[0]);
  for (const name of ['llamacpp', 'llama-cpp', 'LLAMA_CPP', 'llama.cpp'])
    expect(engineNamed(name).title).toBe('llama.cpp');
  expect(() => engineNamed('vlm')).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/not an engine/), hint: '--engine vllm' }),
  );
});

test('no two options of an engine share a name or a flag', () => {
  for (const { options, spellings } of engineFaces) {
    const spelled = [
      ...Object.values(spellings).flat(),
      ...options.flatMap(({ name, flags }) => [`plan --${name}`, ...flags]),
    ];
    expect(new Set(spelled).size).toBe(spelled.length);
  }
});

test('a start command sets an option by the flag that reads it back', () => {
  for (const { options } of engineFaces) {
    for (const spec of options) {
      if (spec.read === null || spec.flags.length === 0) continue;
      const text = texts.find((candidate) => takes(spec.read, candidate));
      const words = optionWords(options, spec.read(text ?? '') ?? {});
      expect(words[0]).toBe(spec.flags[0]);
      if (spec.value !== null) expect(spec.read(words[1] ?? '')).toEqual(spec.read(text ?? ''));
    }
  }
});

function takes(read: ((text: string) => object | null) | null, text: string): boolean {
  try {
    return read?.(text) != null;
  } catch {
    return false;
  }
}

test('a change keeps the engine of its request', () => {
  for (const engine of engineNames) {
    const request: PlanRequest = {
      spec: model('meta-llama/Llama-3.1-8B-Instruct'),
      hardware: shippedRegistry.resolveHardware('rtx-4090'),
      parallelism: { tensor: 1, pipeline: 1, data: 1, expertParallel: false },
      engine,
      workload: { contextTokens: 65_536, users: 4 },
    };
    const profile = engineProfile(engine);
    const changes = profile.changes(request, profile.prepare(request));
    expect(changes.length).toBeGreaterThan(0);
    for (const change of changes) expect(change.apply(request).engine).toBe(engine);
  }
});
