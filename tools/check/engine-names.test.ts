import { expect, test } from 'vitest';
import { allowedPlaces, engineNames } from './engine-names.ts';
import { projectFromFiles } from './project.ts';

const problems = async (files: Readonly<Record<string, string>>): Promise<readonly string[]> =>
  engineNames.run(projectFromFiles(files));

test('only the folder of an engine may name the engine', async () => {
  expect(
    await problems({
      'packages/planner/src/engines/vllm/face.ts': "export const name = 'vllm';",
      'packages/planner/src/engines/usual.ts': "export const usual = 'llama.cpp';",
      'packages/planner/src/plan.ts': "// 'vllm' in a comment\nif (engine === 'vllm') go();",
      'apps/plimsoll/src/render.ts': "const title = engine === \"sglang\" ? 'SGLang' : 'none';",
      'apps/atlas/src/form.tsx': 'const field = <Field engine="llama-cpp" />;',
    }),
  ).toMatchInlineSnapshot(`
    [
      "apps/atlas/src/form.tsx:1 names the engine llama-cpp: ask its profile instead, or say why it must be named in tools/check/engine-names.ts",
      "apps/plimsoll/src/render.ts:1 names the engine sglang: ask its profile instead, or say why it must be named in tools/check/engine-names.ts",
      "packages/planner/src/engines/usual.ts:1 names the engine llama.cpp: ask its profile instead, or say why it must be named in tools/check/engine-names.ts",
      "packages/planner/src/plan.ts:2 names the engine vllm: ask its profile instead, or say why it must be named in tools/check/engine-names.ts",
    ]
  `);
});

test('tests, benchmarks, listed places and import paths may name engines', async () => {
  expect(
    await problems({
      'packages/planner/src/plan.test.ts': "plan({ engine: 'vllm' });",
      'benchmarks/plan.ts': "run('vllm');",
      'apps/plimsoll/src/main.ts': "new Command('plimsoll');",
      'apps/plimsoll/src/run.ts': "import run from 'plimsoll';",
    }),
  ).toEqual([]);
});

test('a listed place that names no engine is reported', async () => {
  expect(await problems({ 'apps/plimsoll/src/main.ts': 'start();' })).toEqual([
    'apps/plimsoll/src/main.ts names no engine: take it off the list in tools/check/engine-names.ts',
  ]);
  for (const reason of Object.values(allowedPlaces)) expect(reason.length).toBeGreaterThan(10);
});
