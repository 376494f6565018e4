/** Every export has only fields of the target's list, and starts what was planned. */
import { PlimsollError } from '@plimsoll/foundation';
import { engineFlags, listHardware } from '@plimsoll/registry';
import containers from '@plimsoll/registry/exports/containers.json' with { type: 'json' };
import dynamo from '@plimsoll/registry/exports/dynamo.json' with { type: 'json' };
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { refusalOf } from '../engines/contract/engine-profile.ts';
import { engineNamed, engineNames, type PlanRequest } from '../engines/engine-list.ts';
import { prepare } from '../engines/engines.ts';
import { pastedEngines } from '../engines/paste/pasted-engines.ts';
import { type CommandReading, readCommand } from '../engines/paste/read-command.ts';
import { request, variedModels } from '../test-models.ts';
import { exportKinds, exportPlan } from './export-plan.ts';
import type { ExpectedLoad, ExportedPlan } from './exported-plan.ts';
import { fieldLists, fieldProblems } from './field-list.ts';

const load: ExpectedLoad = {
  promptTokens: 1024.4,
  outputTokens: 220,
  requestsPerSecond: 12,
  clients: null,
  ttftSeconds: 0.5,
  itlSeconds: 0.03,
};

function planned(options: Parameters<typeof request>[0], replicas = 1): ExportedPlan {
  const asked = request({ engine: 'vllm', ...options });
  return { request: asked, deployment: prepare(asked), replicas, load };
}

const pair: PlanRequest['parallelism'] = { tensor: 2, pipeline: 1, data: 1, expertParallel: false };
const twoReplicas = planned({ parallelism: pair, kvFormat: 'fp8' }, 2);

const engines = pastedEngines.map((face) => ({ face, known: engineFlags(face.name) }));
const read = (command: string): CommandReading => readCommand(command, engines);

test.each(exportKinds)('%s', (kind) => {
  expect(exportPlan(kind, twoReplicas)).toMatchSnapshot();
});

test.each(['command', 'compose', 'kubernetes', 'dynamo-dgd'])('%s with a file of options', (kind) => {
  const plan = planned({ engine: 'tensorrt-llm', parallelism: pair, kvFormat: 'fp8' });
  expect(exportPlan(kind, plan)).toMatchSnapshot();
});

test('a server of files finds them in its folder', () => {
  const plan = planned({ engine: 'llama.cpp', weights: 'Q8_0', workload: { contextTokens: 4096, users: 4 } });
  expect(exportPlan('kubernetes', plan)).toMatchSnapshot();
  expect(
    exportPlan('compose', planned({ engine: 'vllm', gpu: 'mi300x', parallelism: pair }, 2)),
  ).toMatchSnapshot();
});

test('every kind of every engine prints known fields, or says why not', () => {
  const choices = fc.record({
    engine: fc.constantFrom(...Object.keys(containers.engines).map((name) => engineNamed(name).name)),
    model: fc.constantFrom(...variedModels.slice(0, 6)),
    gpu: fc.constantFrom('h100', 'mi300x', 'rtx-4090', 'gaudi3-128gb'),
    tensor: fc.constantFrom(1, 2, 8),
    kvFormat: fc.constantFrom(undefined, 'fp8' as const),
    weights: fc.constantFrom(undefined, 'fp8', 'awq'),
    replicas: fc.constantFrom(1, 3),
  });
  let printed = 0;
  const refusals = new Set<string>();
  fc.assert(
    fc.property(choices, ({ tensor, replicas, ...asked }) => {
      const plan = attempt(() => planned({ ...asked, parallelism: { ...pair, tensor } }, replicas));
      if (plan instanceof PlimsollError) return;
      for (const kind of exportKinds) {
        const text = attempt(() => exportPlan(kind, plan));
        if (text instanceof PlimsollError) refusals.add(text.code);
        else if (kind === 'command') expect(read(text).unknown).toEqual([]);
        else for (const { errors } of parseAllDocuments(text)) expect(errors).toEqual([]);
        if (typeof text === 'string') printed++;
      }
    }),
    { numRuns: 60 },
  );
  expect(printed).toBeGreaterThan(40);
  for (const code of refusals) expect(code).toMatch(/^export-(without|needs)-/);
});

function attempt<Value>(make: () => Value): Value | PlimsollError {
  try {
    return make();
  } catch (error) {
    if (error instanceof PlimsollError) return error;
    throw error;
  }
}

test('a reader of container files finds the planned flags in an export', () => {
  const [deployment] = parseAllDocuments(exportPlan('kubernetes', twoReplicas)).map(
    (document) =>
      document.toJS() as { spec: { template: { spec: { containers: { command: string[] }[] } } } },
  );
  const words = deployment?.spec.template.spec.containers[0]?.command ?? [];
  expect([...read(words.join(' ')).flags]).toEqual([...read(twoReplicas.deployment.command ?? '').flags]);
  const compose = parse(exportPlan('compose', twoReplicas)) as {
    services: Record<string, { entrypoint: string[] }>;
  };
  expect(Object.values(compose.services).map(({ entrypoint }) => entrypoint)).toEqual([words, words]);
});

test('a list refuses unknown fields, words and types', () => {
  const problems = (spec: Readonly<Record<string, unknown>>): readonly string[] =>
    fieldProblems(fieldLists.kubernetes, {
      type: 'Deployment',
      value: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' }, spec },
    });
  expect(problems({ replicas: 2 })).toEqual([]);
  expect([
    ...problems({ replica: 2 }),
    ...problems({ replicas: 2.5 }),
    ...problems({ strategy: { type: 'Replace' } }),
    ...problems({ template: { spec: { containers: {} } } }),
    ...problems({ template: { metadata: { labels: { app: 1 } } } }),
    ...problems({ template: null }),
    ...problems({ toString: 1 }),
  ]).toMatchInlineSnapshot(`
    [
      "Deployment.spec.replica is no field of DeploymentSpec",
      "Deployment.spec.replicas is no whole number",
      "Deployment.spec.strategy.type is Replace, not Recreate or RollingUpdate",
      "Deployment.spec.template.spec.containers is no list",
      "Deployment.spec.template.metadata.labels.app is no string",
      "Deployment.spec.template is no map of fields",
      "Deployment.spec.toString is no field of DeploymentSpec",
    ]
  `);
});

test('every list names its types, and the records that it names exist', () => {
  const basic = new Set(['string', 'integer', 'number', 'boolean', 'map']);
  for (const [name, { types, provenance, release }] of Object.entries(fieldLists)) {
    expect(release.length * provenance.url.length * provenance.date.length, name).toBeGreaterThan(0);
    for (const [type, fields] of Object.entries(types)) {
      for (const form of Object.values(fields)) {
        if (typeof form !== 'string') continue;
        const inner = form.replace(/\[\]$|\{\}$/, '');
        expect(basic.has(inner) || Object.hasOwn(types, inner), `${name} ${type} ${form}`).toBe(true);
      }
    }
  }
  const devices = new Set(listHardware().map(({ id }) => id));
  const skus: readonly unknown[] = dynamo.types.Hardware.gpuSku;
  for (const [id, sku] of Object.entries(dynamo.gpuSkus)) {
    expect(devices.has(id), id).toBe(true);
    expect(skus).toContain(sku);
  }
  for (const engine of Object.keys(containers.engines)) expect(engineNames).toContain(engine);
});

test.each([
  ['an unknown kind', 'helm', twoReplicas, 'unknown-export'],
  ['more devices than a machine has', 'compose', planned({ parallelism: pair }, 5), 'export-needs-cluster'],
  ['a checkpoint that nobody published', 'command', planned({ weights: 'awq' }), 'export-without-checkpoint'],
  ['an engine without a preset', 'kserve', planned({ engine: 'sglang' }), 'export-without-engine'],
  ['no engine', 'command', planned({ engine: 'none' }), 'export-without-command'],
  [
    'an engine without an image',
    'compose',
    planned({ engine: 'sglang', gpu: 'mi300x' }),
    'export-without-image',
  ],
])('%s is refused', (_name, kind, plan, code) => {
  const refusal = refusalOf(() => exportPlan(kind, plan));
  expect(refusal).toBeInstanceOf(PlimsollError);
  expect(refusal?.code).toBe(code);
  expect(refusal?.toJSON()).toHaveProperty('hint');
});
