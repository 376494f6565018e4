/** `/api/tags`, `/api/show` and `/api/version`. */
import { formatCount } from '@plimsoll/foundation';
import { textParameterCount } from '@plimsoll/model-files/spec';
import type { z } from 'zod';
import packageJson from '../../../package.json' with { type: 'json' };
import { type ServedModel, servedName } from '../core/served-model.ts';
import { InvalidField } from '../http/request-errors.ts';
import type {
  ollamaShowRequestSchema,
  ollamaShowSchema,
  ollamaTagsSchema,
  ollamaVersionSchema,
} from './ollama-schema.ts';

const latestTag = ':latest';

/** Clients add the tag `latest` to names without a tag. */
export function untagged({ names }: ServedModel, name: string): string {
  return names.includes(name) || !name.endsWith(latestTag) ? name : name.slice(0, -latestTag.length);
}

export function ollamaVersion(): z.infer<typeof ollamaVersionSchema> {
  return { version: packageJson.version };
}

export function ollamaTags(model: ServedModel): z.infer<typeof ollamaTagsSchema> {
  const { engine, names, createdAt } = model;
  const size = engine.memory.adoptedPlan?.storage.weightBytes ?? 0;
  return {
    models: names.map((name) => ({
      name,
      model: name,
      modified_at: new Date(1000 * createdAt).toISOString(),
      size,
      digest: '',
      details: detailsOf(model),
    })),
  };
}

export function ollamaShow(
  model: ServedModel,
  { model: asked, name }: z.infer<typeof ollamaShowRequestSchema>,
): z.infer<typeof ollamaShowSchema> {
  const wanted = asked ?? name;
  if (wanted === undefined) throw new InvalidField('model', 'the name of the model is missing');
  servedName(model, untagged(model, wanted));
  const { engine, chats } = model;
  const { spec } = engine.model;
  return {
    template: chats.templateSource,
    details: detailsOf(model),
    model_info: {
      'general.architecture': spec.family,
      'general.parameter_count': textParameterCount(spec),
      [`${spec.family}.context_length`]: engine.contextMax,
    },
    capabilities: ['completion', 'tools', ...(chats.hasReasoning ? ['thinking'] : [])],
  };
}

function detailsOf({ engine }: ServedModel) {
  const { spec, path } = engine.model;
  return {
    format: path.endsWith('.gguf') ? 'gguf' : 'safetensors',
    family: spec.family,
    families: [spec.family],
    parameter_size: `${formatCount(textParameterCount(spec) / 1e6)}M`,
    quantization_level: '',
  };
}
