/** Sequences of tokenizer.json, nested or not, as one list of steps: each step reads the whole text. */
import type { JsonReader } from './json-reader.ts';
import { checkLimit, tokenizerLimits } from './limits.ts';

/** `key` is where a Sequence keeps its parts: `normalizers`, `pretokenizers`, `decoders`, `processors`. */
export function sequenceSteps(config: JsonReader | null, key: string): readonly JsonReader[] {
  const steps: JsonReader[] = [];
  if (config !== null) addSteps(config, key, { steps, depth: 0 });
  return steps;
}

function addSteps(
  config: JsonReader,
  key: string,
  { steps, depth }: { readonly steps: JsonReader[]; readonly depth: number },
): void {
  if (config.text('type') !== 'Sequence') {
    steps.push(config);
    checkLimit('steps', steps.length, `steps in ${config.path}`);
    return;
  }
  if (depth >= tokenizerLimits.nesting) throw config.bad('type', 'a sequence that is not nested this deeply');
  checkLimit('steps', config.list(key).length, `${config.path}.${key}`);
  for (const inner of config.objects(key)) addSteps(inner, key, { steps, depth: depth + 1 });
}
