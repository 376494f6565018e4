/** KServe's LLMInferenceService, serving.kserve.io/v1alpha2: KServe's preset of the engine, with the flags of the plan. */
import { PlimsollError } from '@plimsoll/foundation';
import { shellArgument } from '../question/question.ts';
import { containerOf, modelOf } from './container.ts';
import type { ExportedPlan } from './exported-plan.ts';
import type { TypedObject } from './field-list.ts';
import { deviceLimits, tokenVariable } from './kubernetes.ts';

export function kserveService(plan: ExportedPlan): readonly TypedObject[] {
  const container = containerOf(plan);
  const { tensor, pipeline, data, expertParallel } = plan.request.parallelism;
  if (container.kserveVariable === null) {
    throw new PlimsollError({
      code: 'export-without-engine',
      message: `no preset of LLMInferenceService takes flags of ${plan.deployment.engine}`,
      value: plan.deployment.engine,
      hint: '--export kubernetes',
    });
  }
  const flags = container.flags.map(shellArgument).join(' ');
  return [
    {
      type: 'LLMInferenceService',
      value: {
        apiVersion: 'serving.kserve.io/v1alpha2',
        kind: 'LLMInferenceService',
        metadata: { name: container.name },
        spec: {
          model: { uri: `hf://${modelOf(plan)}`, name: modelOf(plan) },
          replicas: plan.replicas,
          parallelism: {
            tensor,
            ...(pipeline > 1 && { pipeline }),
            ...(data > 1 && { data, dataLocal: data }),
            ...(expertParallel && { expert: true }),
          },
          // Empty objects leave route, gateway and scheduler to the controller.
          router: { route: {}, gateway: {}, scheduler: {} },
          template: {
            containers: [
              {
                name: 'main',
                env: [tokenVariable, { name: container.kserveVariable, value: flags }],
                resources: deviceLimits(container),
              },
            ],
          },
        },
      },
    },
  ];
}
