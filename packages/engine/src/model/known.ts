/** The architectures that the engine runs, and a lookup by the name in a file. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Architecture } from './architecture.ts';
import { gemma2, gemma3 } from './architectures/gemma.ts';
import { gemma4 } from './architectures/gemma4.ts';
import { llama } from './architectures/llama.ts';
import { phi3 } from './architectures/phi3.ts';
import { qwen2 } from './architectures/qwen2.ts';
import { qwen3 } from './architectures/qwen3.ts';
import type { ModelParameters } from './parameters.ts';

const architectures: readonly Architecture[] = [llama, qwen2, qwen3, gemma2, gemma3, gemma4, phi3];

/** `family` is the file's `general.architecture` or `model_type`. */
export function architectureOf(family: string, source: ModelParameters['source']): Architecture {
  const names = (known: Architecture): readonly string[] =>
    source === 'gguf' ? known.ggufNames : known.hubTypes;
  const found = architectures.find((known) => names(known).includes(family));
  if (found !== undefined) return found;
  throw new PlimsollError({
    code: 'unsupported-architecture',
    message: `the engine has no graph for "${family}"`,
    value: family,
    limit: architectures.flatMap(names).join(', '),
    hint: 'run a model of one of these architectures, or plan this one for another engine',
  });
}
