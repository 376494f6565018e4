/** Kubernetes objects: a Deployment of the replicas, a Service, an autoscaler, and a ConfigMap for a file of options. */
import { type Container, containerOf } from './container.ts';
import type { ExportedPlan } from './exported-plan.ts';
import type { TypedObject } from './field-list.ts';
import { optionsFolder, optionsText } from './options-text.ts';

/** Loading weights takes minutes: the server has an hour until it has to answer. */
const startupProbe = { periodSeconds: 10, failureThreshold: 360 };

export function kubernetesObjects(plan: ExportedPlan): readonly TypedObject[] {
  const container = containerOf(plan);
  const { name, port } = container;
  const labels = { app: name };
  return [
    ...optionsMap(plan, name),
    {
      type: 'Deployment',
      value: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name, labels },
        spec: {
          replicas: plan.replicas,
          selector: { matchLabels: labels },
          // A rolling update would need free devices for one more replica.
          strategy: { type: 'Recreate' },
          template: { metadata: { labels }, spec: podSpec(plan, container) },
        },
      },
    },
    {
      type: 'Service',
      value: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, labels },
        spec: { selector: labels, ports: [{ name: 'http', port, targetPort: port }] },
      },
    },
    ...autoscaler(plan, container),
  ];
}

function podSpec({ deployment }: ExportedPlan, container: Container): Readonly<Record<string, unknown>> {
  const { name, image, words, port, modelFolder } = container;
  const { startFile } = deployment;
  const probe = { httpGet: { path: '/health', port } };
  const folder = startFile === undefined ? modelFolder : optionsFolder;
  return {
    containers: [
      {
        name: 'server',
        image,
        command: words,
        ...(folder !== null && { workingDir: folder }),
        env: [tokenVariable],
        ports: [{ name: 'http', containerPort: port }],
        resources: deviceLimits(container),
        startupProbe: { ...probe, ...startupProbe },
        readinessProbe: { ...probe, periodSeconds: 5 },
        livenessProbe: { ...probe, periodSeconds: 15, failureThreshold: 4 },
        volumeMounts: [
          { name: 'shared-memory', mountPath: '/dev/shm' },
          ...(modelFolder === null ? [] : [{ name: 'models', mountPath: modelFolder, readOnly: true }]),
          ...(startFile === undefined ? [] : [{ name: 'options', mountPath: optionsFolder, readOnly: true }]),
        ],
      },
    ],
    volumes: [
      { name: 'shared-memory', emptyDir: { medium: 'Memory' } },
      ...(modelFolder === null
        ? []
        : [{ name: 'models', persistentVolumeClaim: { claimName: 'models', readOnly: true } }]),
      ...(startFile === undefined ? [] : [{ name: 'options', configMap: { name: optionsName(name) } }]),
    ],
  };
}

/** The token for gated models, from a secret that may be absent. */
export const tokenVariable = {
  name: 'HF_TOKEN',
  valueFrom: { secretKeyRef: { name: 'hf-token', key: 'HF_TOKEN', optional: true } },
} as const;

export function deviceLimits({ resource, devices }: Pick<Container, 'resource' | 'devices'>): {
  readonly limits: Readonly<Record<string, string>>;
} {
  return { limits: { [resource]: String(devices) } };
}

function optionsName(name: string): string {
  return `${name}-options`;
}

function optionsMap({ deployment }: ExportedPlan, name: string): readonly TypedObject[] {
  const { startFile } = deployment;
  if (startFile === undefined) return [];
  return [
    {
      type: 'ConfigMap',
      value: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: optionsName(name) },
        data: { [startFile.name]: optionsText(startFile) },
      },
    },
  ];
}

/**
 * Adds replicas while requests wait, up to twice the planned ones, and never goes below the planned ones. An adapter has
 * to bring the engine's gauge into the metrics API. Engines without such a gauge have no autoscaler.
 */
function autoscaler({ replicas }: ExportedPlan, { name, waitingMetric }: Container): readonly TypedObject[] {
  if (waitingMetric === null) return [];
  return [
    {
      type: 'HorizontalPodAutoscaler',
      value: {
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        metadata: { name },
        spec: {
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
          minReplicas: replicas,
          maxReplicas: 2 * replicas,
          metrics: [
            {
              type: 'Pods',
              pods: {
                // Adapters replace the colon of Prometheus names, which the metrics API does not take.
                metric: { name: waitingMetric.replace(':', '_') },
                target: { type: 'AverageValue', averageValue: '1' },
              },
            },
          ],
        },
      },
    },
  ];
}
