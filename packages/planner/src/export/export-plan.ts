/**
 * Exports: from a planned deployment to the file that starts it. Each kind builds objects; this file checks them against
 * the list of the target's fields and prints them. The commands are those of the engines' profiles.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { Document } from 'yaml';
import { deviceCount } from '../bytes/parallelism.ts';
import { composeFile } from './compose.ts';
import { startCommand } from './container.ts';
import { dynamoGraph, dynamoRequest } from './dynamo.ts';
import type { ExportedPlan } from './exported-plan.ts';
import { assertKnownFields, type FieldList, fieldLists, type TypedObject } from './field-list.ts';
import { kserveService } from './kserve.ts';
import { kubernetesObjects } from './kubernetes.ts';
import { llmDValues } from './llm-d.ts';
import { optionsText } from './options-text.ts';

interface Target {
  /** Name in words, and the version of the target. */
  readonly title: string;
  readonly fields: FieldList;
  readonly build: (plan: ExportedPlan) => readonly TypedObject[];
}

const { compose, kubernetes, dynamo, kserve, llmD } = fieldLists;

const targets: Readonly<Record<string, Target>> = {
  compose: { title: 'Docker Compose', fields: compose, build: composeFile },
  kubernetes: { title: 'Kubernetes', fields: kubernetes, build: kubernetesObjects },
  'dynamo-dgdr': { title: 'Dynamo DynamoGraphDeploymentRequest', fields: dynamo, build: dynamoRequest },
  'dynamo-dgd': { title: 'Dynamo DynamoGraphDeployment', fields: dynamo, build: dynamoGraph },
  kserve: { title: 'KServe LLMInferenceService', fields: kserve, build: kserveService },
  'llm-d': { title: 'values of the chart llm-d-modelservice', fields: llmD, build: llmDValues },
};

const commandKind = 'command';

/** Kinds of exports: the engine's own command, and files for the targets. */
export const exportKinds: readonly string[] = [commandKind, ...Object.keys(targets)];

/** Throws `unknown-export` for a kind that `exportKinds` lacks. */
export function checkExportKind(kind: string): void {
  if (exportKinds.includes(kind)) return;
  throw new PlimsollError({
    code: 'unknown-export',
    message: `there is no export ${kind}`,
    value: kind,
    limit: exportKinds.join(', '),
    hint: `--export ${exportKinds[1]}`,
  });
}

/** Prints the deployment for a target. Throws a PlimsollError if the target cannot run it. */
export function exportPlan(kind: string, plan: ExportedPlan): string {
  checkExportKind(kind);
  const target = targets[kind];
  if (target === undefined) return commandText(plan);
  const { title, fields, build } = target;
  const documents = build(plan).map((object) => {
    assertKnownFields(fields, object);
    // Anchors for repeated objects would hide fields from a reader.
    return new Document(object.value, { aliasDuplicateObjects: false });
  });
  const [first] = documents;
  if (first !== undefined) first.commentBefore = `${comment(plan)}\n ${title}, ${fields.release}`;
  return documents.map((document) => document.toString({ lineWidth: 0 })).join('---\n');
}

function comment({ request, deployment, replicas }: ExportedPlan): string {
  const each = deviceCount(request.parallelism);
  const { weights, kvCache } = deployment.formats;
  const replicated = replicas === 1 ? '1 replica' : `${replicas} replicas`;
  return ` ${request.spec.id}: ${replicated} on ${each} x ${request.hardware.name} each, weights ${weights}, KV cache ${kvCache}`;
}

/** A shell script: the file of options, if the command names one, and the command. */
function commandText(plan: ExportedPlan): string {
  const command = startCommand(plan);
  const { startFile } = plan.deployment;
  const file =
    startFile === undefined
      ? []
      : [`cat > ${startFile.name} <<'END'`, optionsText(startFile).trimEnd(), 'END'];
  const times = plan.replicas === 1 ? [] : ['# once for each replica, on devices and a port of its own'];
  return `${[`#${comment(plan)}`, ...file, ...times, command].join('\n')}\n`;
}
