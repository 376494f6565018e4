/** A Compose file: a service for each replica, each with devices and a port of its own, on one machine. */
import { PlimsollError } from '@plimsoll/foundation';
import { nodeDevices } from '../engines/contract/layouts.ts';
import { containerOf } from './container.ts';
import type { ExportedPlan } from './exported-plan.ts';
import type { TypedObject } from './field-list.ts';
import { optionsFolder, optionsText } from './options-text.ts';

/** Where the server keeps downloaded checkpoints. */
const cacheFolder = '/huggingface';
/** Compose fills in the token for gated models from its own environment, or nothing. */
const tokenOfShell = ['$', '{HF_TOKEN:-}'].join('');

export function composeFile(plan: ExportedPlan): readonly TypedObject[] {
  const container = containerOf(plan);
  const { devices } = container;
  const total = devices * plan.replicas;
  if (total > nodeDevices) {
    throw new PlimsollError({
      code: 'export-needs-cluster',
      message: `a Compose file describes one machine; the deployment has ${total} devices`,
      value: total,
      limit: nodeDevices,
      hint: '--export kubernetes',
    });
  }
  const services = Array.from({ length: plan.replicas }, (_, index) => [
    plan.replicas === 1 ? container.name : `${container.name}-${index + 1}`,
    service(plan, index),
  ]);
  const { startFile } = plan.deployment;
  return [
    {
      type: 'Compose',
      value: {
        name: container.name,
        services: Object.fromEntries(services),
        ...(container.modelFolder === null && { volumes: { huggingface: {} } }),
        ...(startFile !== undefined && { configs: { options: { content: optionsText(startFile) } } }),
      },
    },
  ];
}

function service(plan: ExportedPlan, index: number): Readonly<Record<string, unknown>> {
  const { image, words, port, devices, modelFolder } = containerOf(plan);
  const { startFile } = plan.deployment;
  const first = index * devices;
  return {
    image,
    entrypoint: words,
    ports: [`${port + index}:${port}`],
    environment: { HF_TOKEN: tokenOfShell, HF_HOME: cacheFolder },
    volumes: [modelFolder === null ? `huggingface:${cacheFolder}` : `./models:${modelFolder}:ro`],
    ...workingFolder(plan, modelFolder),
    // Processes of a replica exchange tensors in shared memory.
    ipc: 'host',
    ...deviceFields(plan, first, devices),
    ...(startFile !== undefined && {
      configs: [{ source: 'options', target: `${optionsFolder}/${startFile.name}` }],
    }),
    restart: 'unless-stopped',
  };
}

/** Commands name files of models and options relative to the working folder. */
function workingFolder(
  { deployment }: ExportedPlan,
  modelFolder: string | null,
): { readonly working_dir?: string } {
  if (deployment.startFile !== undefined) return { working_dir: optionsFolder };
  return modelFolder === null ? {} : { working_dir: modelFolder };
}

/** NVIDIA's container toolkit takes indices of devices; AMD's driver takes the device files. */
function deviceFields(
  { request }: ExportedPlan,
  first: number,
  devices: number,
): Readonly<Record<string, unknown>> {
  const ids = Array.from({ length: devices }, (_, index) => String(first + index));
  if (request.hardware.vendor === 'NVIDIA') {
    const reserved = [{ driver: 'nvidia', device_ids: ids, capabilities: ['gpu'] }];
    return { deploy: { resources: { reservations: { devices: reserved } } } };
  }
  // The n-th device is renderD128 + n.
  const files = ids.map((id) => `/dev/dri/renderD${128 + Number(id)}`);
  return { devices: ['/dev/kfd', ...files], group_add: ['video'] };
}
