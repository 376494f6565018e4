/** The container of a replica: image, words of the command, port, devices. */
import { PlimsollError } from '@plimsoll/foundation';
import containers from '@plimsoll/registry/exports/containers.json' with { type: 'json' };
import { deviceCount } from '../bytes/parallelism.ts';
import { shellCommands } from '../engines/paste/shell-text.ts';
import type { ExportedPlan } from './exported-plan.ts';

export interface Container {
  /** Name of the deployment in the form of a DNS label: llama-3-1-8b-instruct. */
  readonly name: string;
  readonly image: string;
  /** Words of the command that starts the server inside the image, on every address of the container. */
  readonly words: readonly string[];
  /** The words without the program and the model: flags alone. */
  readonly flags: readonly string[];
  readonly port: number;
  /** Name of the Prometheus gauge of waiting requests; null if the engine has none. */
  readonly waitingMetric: string | null;
  /** The folder where the server finds files of models; null if it downloads models by name. */
  readonly modelFolder: string | null;
  /** Devices of a replica, and the name of the device in Kubernetes. */
  readonly devices: number;
  readonly resource: string;
  readonly dynamo: DynamoForm | null;
  /** The variable from which KServe takes flags of the engine; null if KServe has no preset for the engine. */
  readonly kserveVariable: string | null;
}

export interface DynamoForm {
  readonly framework: string;
  readonly module: string;
  readonly modelFlag: string;
  /** Dynamo's names of the engine's flags; null if Dynamo takes the engine's own names. */
  readonly flags: Readonly<Record<string, string>> | null;
}

interface ContainerForm {
  /** Images by the vendor of the device; `{release}` stands for the release of the engine. */
  readonly images: Readonly<Record<string, string>>;
  /** Names of programs inside the image, by their name on the command line. */
  readonly programs: Readonly<Record<string, readonly string[]>>;
  readonly port: number;
  readonly metricsFlag: string | null;
  readonly waitingMetric: string | null;
  readonly modelFolder: string | null;
  readonly dynamo: DynamoForm | null;
  readonly kserveVariable: string | null;
}

const forms: Readonly<Record<string, ContainerForm>> = containers.engines;
const resources: Readonly<Record<string, string>> = containers.resources;

/** Throws `export-without-command`, `export-without-checkpoint`, `export-without-image`. */
export function containerOf(plan: ExportedPlan): Container {
  const { request, deployment } = plan;
  const { vendor } = request.hardware;
  const form = forms[deployment.engine];
  const image = form?.images[vendor];
  const resource = resources[vendor];
  const words = commandWords(plan);
  if (form === undefined || image === undefined || resource === undefined) {
    throw new PlimsollError({
      code: 'export-without-image',
      message: `no image of ${deployment.engine} for devices of ${vendor} is known`,
      value: deployment.engine,
      limit: Object.keys(forms).join(', '),
      hint: '--export command prints the command that starts the engine',
    });
  }
  const [program = '', ...rest] = words;
  const inside = form.programs[program] ?? [program];
  const served = ['--host', '0.0.0.0', '--port', String(form.port)];
  const metrics = form.metricsFlag === null ? [] : [form.metricsFlag];
  return {
    name: labelOf(modelOf(plan)),
    image: image.replace('{release}', (deployment.engineVersion ?? 'latest').replace(/^v/, '')),
    words: [...inside, ...rest, ...served, ...metrics],
    flags: rest.slice(rest.findIndex((word) => word.startsWith('-') && word !== '-m')),
    port: form.port,
    waitingMetric: form.waitingMetric,
    modelFolder: form.modelFolder,
    devices: deviceCount(request.parallelism),
    resource,
    dynamo: form.dynamo,
    kserveVariable: form.kserveVariable,
  };
}

/** The checkpoint that the command loads. */
export function modelOf({ request }: ExportedPlan): string {
  return request.convertedReference ?? request.modelReference ?? request.spec.id;
}

export function startCommand({ deployment }: ExportedPlan): string {
  const { command, engine } = deployment;
  if (command === null) {
    throw new PlimsollError({
      code: 'export-without-command',
      message: `no command of ${engine} starts this deployment`,
      value: engine,
      hint: 'plimsoll plan names the reason in its notes',
    });
  }
  // The command has a description of a checkpoint in place of its name.
  const missing = /<([^<>]+ of [^<>]+)>/.exec(command)?.[1];
  if (missing === undefined) return command;
  throw new PlimsollError({
    code: 'export-without-checkpoint',
    message: `the deployment needs ${missing}, and the registry knows none`,
    value: missing,
    hint: 'name the checkpoint as the model of the scenario',
  });
}

function commandWords(plan: ExportedPlan): readonly string[] {
  const command = startCommand(plan);
  return shellCommands(command)[0]?.words ?? [];
}

/** Longest name: Kubernetes limits labels to 63 characters, and controllers add suffixes. */
const nameLengthMax = 45;

/** Returns the name of a model in the form of a DNS label. */
function labelOf(model: string): string {
  const plain = (model.split('/').at(-1) ?? model).toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  return plain.slice(0, nameLengthMax).replaceAll(/^-+|-+$/g, '') || 'model';
}
