/** NVIDIA Dynamo, nvidia.com/v1beta1: a request that Dynamo's own profiler answers, and a graph of the planned replicas. */
import { PlimsollError } from '@plimsoll/foundation';
import dynamo from '@plimsoll/registry/exports/dynamo.json' with { type: 'json' };
import { nodeDevices } from '../engines/contract/layouts.ts';
import { type Container, containerOf, type DynamoForm, modelOf } from './container.ts';
import type { ExportedPlan } from './exported-plan.ts';
import type { TypedObject } from './field-list.ts';
import { deviceLimits, tokenVariable } from './kubernetes.ts';

const apiVersion = 'nvidia.com/v1beta1';
const { release } = dynamo.images;
const images: Readonly<Record<string, unknown>> = dynamo.images;
const skus: Readonly<Record<string, string>> = dynamo.gpuSkus;

/** A DynamoGraphDeploymentRequest: model, devices, load and limits. Times are milliseconds. */
export function dynamoRequest(plan: ExportedPlan): readonly TypedObject[] {
  const container = containerOf(plan);
  const { framework } = formOf(plan, container);
  const { request, load } = plan;
  const totalGpus = container.devices * plan.replicas;
  const sku = skus[request.hardware.id];
  const milliseconds = (seconds: number | undefined): number | undefined =>
    seconds === undefined ? undefined : Math.round(seconds * 1e6) / 1000;
  return [
    {
      type: 'DynamoGraphDeploymentRequest',
      value: {
        apiVersion,
        kind: 'DynamoGraphDeploymentRequest',
        metadata: { name: container.name },
        spec: {
          model: modelOf(plan),
          backend: framework,
          image: `${dynamo.images.planner}:${release}`,
          hardware: present({
            gpuSku: sku,
            vramMb:
              sku === undefined ? Math.floor(request.hardware.memory.nominalBytes / 2 ** 20) : undefined,
            totalGpus,
            numGpusPerNode: Math.min(totalGpus, nodeDevices),
          }),
          workload: present({
            isl: Math.max(1, Math.round(load.promptTokens)),
            osl: Math.max(1, Math.round(load.outputTokens)),
            requestRate: load.requestsPerSecond ?? undefined,
            concurrency: load.requestsPerSecond === null ? (load.clients ?? undefined) : undefined,
          }),
          sla: present({
            ttft: milliseconds(load.ttftSeconds),
            itl: milliseconds(load.itlSeconds),
            e2eLatency: milliseconds(load.e2eSeconds),
          }),
          searchStrategy: 'rapid',
          autoApply: false,
        },
      },
    },
  ];
}

/** A DynamoGraphDeployment: Dynamo's front end, and the replicas as workers with the flags of the plan. */
export function dynamoGraph(plan: ExportedPlan): readonly TypedObject[] {
  const container = containerOf(plan);
  const form = formOf(plan, container);
  const image = `${String(images[form.framework])}:${release}`;
  const worker = {
    name: 'main',
    image,
    command: ['python3', '-m', form.module],
    args: workerArguments(plan, form, container),
    env: [tokenVariable],
    resources: deviceLimits(container),
  };
  return [
    {
      type: 'DynamoGraphDeployment',
      value: {
        apiVersion,
        kind: 'DynamoGraphDeployment',
        metadata: { name: container.name },
        spec: {
          backendFramework: form.framework,
          components: [
            {
              name: 'Frontend',
              type: 'frontend',
              replicas: 1,
              podTemplate: { spec: { containers: [{ name: 'main', image }] } },
            },
            {
              name: 'Worker',
              type: 'worker',
              replicas: plan.replicas,
              podTemplate: { spec: { containers: [worker] } },
            },
          ],
        },
      },
    },
  ];
}

function formOf({ deployment }: ExportedPlan, { dynamo: form }: Container): DynamoForm {
  if (form !== null) return form;
  throw new PlimsollError({
    code: 'export-without-engine',
    message: `Dynamo does not run ${deployment.engine}`,
    value: deployment.engine,
    hint: '--export kubernetes',
  });
}

function workerArguments(
  plan: ExportedPlan,
  { modelFlag, flags: names }: DynamoForm,
  { flags }: Container,
): readonly string[] {
  const model = [modelFlag, modelOf(plan)];
  if (names === null) return [...model, ...withoutModel(flags, modelFlag)];
  const { startFile } = plan.deployment;
  const renamed = flags.flatMap((word, index) => {
    if (startFile !== undefined && (word === startFile.name || flags[index + 1] === startFile.name))
      return [];
    if (!word.startsWith('--')) return [word];
    const name = names[word];
    if (name !== undefined) return [name];
    throw new PlimsollError({
      code: 'export-without-flag',
      message: `Dynamo has no flag for ${word} of ${plan.deployment.engine}`,
      value: word,
      limit: Object.keys(names).join(', '),
      hint: 'leave the option out of the scenario, or use --export kubernetes',
    });
  });
  const override =
    startFile === undefined ? [] : ['--override-engine-args', JSON.stringify(startFile.options)];
  return [...model, ...renamed, ...override];
}

function withoutModel(flags: readonly string[], modelFlag: string): readonly string[] {
  const place = flags.indexOf(modelFlag);
  return place < 0 ? flags : [...flags.slice(0, place), ...flags.slice(place + 2)];
}

/** Leaves out fields without a value. */
function present(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
