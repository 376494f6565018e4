/**
 * What the planner says in a sentence or two about each model and each device, for search and the terminal: the case that
 * the pages come back to, with one of its two sides exchanged.
 */
import { formatBytes, formatCount } from '@plimsoll/foundation';
import type { Plan } from '@plimsoll/planner';
import type { Registry } from '@plimsoll/registry/portable';
import { referenceHardware, referenceModel, referencePlan, weightBytes } from '../numbers/reference-case.ts';

/** Record id (`model.openai/gpt-oss-20b`, `hardware.h100-sxm-80gb`) -> sentences. */
export function generatedFacts(
  registry: Pick<Registry, 'listModels' | 'listHardware'>,
): ReadonlyMap<string, readonly string[]> {
  const models = registry
    .listModels()
    .map(({ id }) => [`model.${id}`, modelFacts(referencePlan({ model: id }))] as const);
  const hardware = registry
    .listHardware()
    .map(({ id }) => [`hardware.${id}`, [usersFact(referencePlan({ hardware: id }))]] as const);
  return new Map([...models, ...hardware]);
}

function modelFacts(plan: Plan): readonly string[] {
  const { capacity, workload } = plan;
  const context = formatCount(workload.contextTokens);
  return [
    `Weights of ${weightBytes(plan).text}, as the checkpoint has them.`,
    `A conversation of ${context} tokens holds ${formatBytes(capacity.bytesPerUser)} of cache.`,
    usersFact(plan),
  ];
}

/** How many users one device has room for, before an engine takes its share. */
function usersFact({ capacity, workload, model, hardware }: Plan): string {
  const place = hardware.id === referenceHardware ? 'One H100' : 'It';
  const subject = model.id === referenceModel ? 'Llama 3.1 8B in 16 bits' : 'it';
  const context = formatCount(workload.contextTokens);
  if (capacity.usersMax < 1)
    return `${place} has no room for ${subject} with a conversation of ${context} tokens.`;
  const users = `${formatCount(capacity.usersMax)} ${capacity.usersMax === 1 ? 'user' : 'users'}`;
  return `${place} has room for ${subject} and ${users} at ${context} tokens, before an engine takes its share.`;
}
