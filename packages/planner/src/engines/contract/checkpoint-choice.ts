/**
 * Chooses the checkpoint of a command: an engine makes some formats while it loads, and needs a checkpoint in the other
 * formats.
 */
import type { ElementType } from '@plimsoll/model-files/spec';
import type { KvFormat } from '../../bytes/kv-format.ts';
import { parseElementType } from '../../bytes/weight-format.ts';
import { modelArgument, type Question, shellArgument } from '../../question/question.ts';
import { checkpointName } from './checkpoint-changes.ts';

/** Names of element types for engines that use PyTorch. */
export const torchTypeNames: Readonly<Partial<Record<ElementType | KvFormat, string>>> = {
  bf16: 'bfloat16',
  fp16: 'float16',
  fp32: 'float32',
};

/** Returns the format that the engine makes from a plain checkpoint; undefined if it makes none. */
export function madeWhileLoading(
  { spec, weights }: Question,
  onlineFormats: readonly string[],
): string | undefined {
  const name = weights?.trim().toLowerCase();
  return spec.quantization === null && name !== undefined && onlineFormats.includes(name) ? name : undefined;
}

/** Returns the format that the checkpoint must already have; null if the model's own checkpoint suffices. */
export function checkpointNeeded(question: Question, onlineFormats: readonly string[]): string | null {
  const { spec, weights } = question;
  if (weights === undefined || madeWhileLoading(question, onlineFormats) !== undefined) return null;
  const name = parseElementType(weights) ?? weights.trim().toLowerCase();
  const own = spec.quantization;
  if (own === null) return parseElementType(weights) === null ? name : null;
  return name === own.method || name === own.weights ? null : name;
}

/** Returns the model as typed, or a description of the checkpoint that the user has to find. */
export function checkpointArgument(question: Question, onlineFormats: readonly string[]): string {
  const needed = checkpointNeeded(question, onlineFormats);
  if (needed === null) return modelArgument(question);
  const { convertedReference, spec } = question;
  return convertedReference === undefined
    ? `<${checkpointName(needed)} of ${spec.id}>`
    : shellArgument(convertedReference);
}
