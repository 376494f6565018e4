/** Reads the post-processor of tokenizer.json: the tokens before and after a single text. */
import { PlimsollError } from '@plimsoll/foundation';
import type { JsonReader } from './json-reader.ts';
import { badTokenizer, checkLimit } from './limits.ts';
import { sequenceSteps } from './sequence-steps.ts';

export interface Surroundings {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const nothing: Surroundings = { before: [], after: [] };

export function readPostProcessor(config: JsonReader | null): Surroundings {
  // Each processor adds its tokens outside those of the processors before it.
  return sequenceSteps(config, 'processors').reduce((inner, step) => {
    const outer = readStep(step);
    return { before: [...outer.before, ...inner.before], after: [...inner.after, ...outer.after] };
  }, nothing);
}

function readStep(config: JsonReader): Surroundings {
  const type = config.text('type');
  switch (type) {
    case 'ByteLevel':
      return nothing;
    case 'TemplateProcessing':
      return readTemplate(config);
    case 'BertProcessing':
    case 'RobertaProcessing':
      return { before: [idOfPair(config, 'cls')], after: [idOfPair(config, 'sep')] };
    default:
      throw new PlimsollError({
        code: 'tokenizer-unsupported',
        message: `tokenizer: post-processor ${type} at ${config.path} is not supported`,
        value: type,
        limit: 'TemplateProcessing, ByteLevel, BertProcessing, RobertaProcessing, Sequence',
        hint: 'use the GGUF of this model, or report it',
      });
  }
}

function idOfPair(config: JsonReader, key: string): number {
  const [, id] = config.list(key);
  if (typeof id !== 'number') throw config.bad(key, 'a token and its id');
  return id;
}

function readTemplate(config: JsonReader): Surroundings {
  const known = config.object('special_tokens');
  const before: number[] = [];
  const after: number[] = [];
  let isAfter = false;
  for (const piece of config.objects('single')) {
    const special = piece.objectOrNull('SpecialToken');
    if (special === null) {
      piece.object('Sequence');
      isAfter = true;
      continue;
    }
    const ids = known.object(special.text('id')).list('ids');
    checkLimit('surroundings', before.length + after.length + ids.length, `ids in ${config.path}`);
    for (const id of ids) {
      if (typeof id !== 'number') throw badTokenizer(`${known.path}.${special.text('id')}.ids`, id, 'ids');
      (isAfter ? after : before).push(id);
    }
  }
  return { before, after };
}
