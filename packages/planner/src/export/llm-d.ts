/** Values of the Helm chart llm-d-modelservice: the replicas as decode pods that also run the prompts. */
import { GiB, PlimsollError } from '@plimsoll/foundation';
import containers from '@plimsoll/registry/exports/containers.json' with { type: 'json' };
import { containerOf, modelOf } from './container.ts';
import type { ExportedPlan } from './exported-plan.ts';
import type { TypedObject } from './field-list.ts';
import { deviceLimits, tokenVariable } from './kubernetes.ts';

const accelerators: Readonly<Record<string, string>> = containers.accelerators;

/** Room of the model's volume beyond the weights: tokenizer, configuration, files of other frameworks. */
const volumeShare = 1.2;

export function llmDValues(plan: ExportedPlan): readonly TypedObject[] {
  const container = containerOf(plan);
  const { request, deployment } = plan;
  if (deployment.startFile !== undefined || container.modelFolder !== null) {
    throw new PlimsollError({
      code: 'export-without-engine',
      message: `the chart llm-d-modelservice cannot mount the files that ${deployment.engine} needs`,
      value: deployment.engine,
      hint: '--export kubernetes',
    });
  }
  const [command = '', ...args] = container.words;
  const { tensor, data } = request.parallelism;
  const weightBytes = deployment.weightBytes * container.devices;
  return [
    {
      type: 'Values',
      value: {
        fullnameOverride: container.name,
        modelArtifacts: {
          name: modelOf(plan),
          uri: `hf://${modelOf(plan)}`,
          size: `${Math.ceil((weightBytes * volumeShare) / GiB)}Gi`,
          mountPath: '/model-cache',
          labels: { 'llm-d.ai/inferenceServing': 'true', 'llm-d.ai/model': container.name },
        },
        accelerator: { type: accelerators[request.hardware.vendor] },
        // Without prefill pods no proxy has to transfer caches, and the engine has the port of the service.
        routing: { servicePort: container.port, proxy: { enabled: false } },
        decode: {
          create: true,
          replicas: plan.replicas,
          parallelism: { tensor, data },
          containers: [
            {
              name: 'server',
              image: container.image,
              modelCommand: 'custom',
              command: [command],
              args,
              env: [tokenVariable],
              ports: [{ name: 'metrics', containerPort: container.port }],
              resources: deviceLimits(container),
              mountModelVolume: true,
            },
          ],
        },
        prefill: { create: false },
      },
    },
  ];
}
