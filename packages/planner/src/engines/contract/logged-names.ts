/** Finds the model that a record of a log names. */
import { PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { Resolver } from './log-record.ts';

/** Matches words about storage after a model's name, which the record also has in a separate field. */
const storedWords = /[-\s](?:fp8|fp4|nvfp4|mxfp4|int4|int8|awq|gptq|base)$/i;

/** The name may have remarks: "Llama-3.1-8B class (LlamaForCausalLM)", "DeepSeek-R1 (FP8)", "V4-Flash-Base". */
export function loggedModel(name: string, resolver: Resolver): ModelSpec {
  const [bare = ''] = name.split(/ class\b|[(,]| \/ /, 1).map((part) => part.trim());
  const plain = bare.replace(storedWords, '');
  const names = [...new Set([name, bare, plain, plain.split('/').at(-1) ?? ''])].filter(
    (text) => text !== '',
  );
  let refusal: PlimsollError | null = null;
  for (const candidate of names) {
    try {
      return resolver.model(candidate);
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
      refusal ??= error;
    }
  }
  throw refusal ?? new PlimsollError({ code: 'missing-model', message: 'the record names no model' });
}
