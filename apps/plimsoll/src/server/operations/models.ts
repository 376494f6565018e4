/** `/v1/models`: the model under each of its names. */
import { PlimsollError } from '@plimsoll/foundation';
import { textParameterCount } from '@plimsoll/model-files/spec';
import { z } from 'zod';
import packageJson from '../../../package.json' with { type: 'json' };
import { type ServedModel, servedName } from '../core/served-model.ts';

export const modelSchema = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.int(),
    owned_by: z.string(),
    max_model_len: z.int().describe('Longest sequence in tokens: prompt and output.'),
    meta: z.object({
      parameters: z.int(),
      vocabulary: z.int(),
      pooling: z
        .enum(['mean', 'last'])
        .nullable()
        .describe('Of embeddings; null if the server computes none.'),
      chat_template: z.boolean().describe('False: chats are rendered as a plain transcript.'),
    }),
  })
  .meta({ id: 'Model' });

export const modelListSchema = z
  .object({ object: z.literal('list'), data: z.array(modelSchema) })
  .meta({ id: 'ModelList' });

type ModelView = z.infer<typeof modelSchema>;

export function modelList(model: ServedModel): z.infer<typeof modelListSchema> {
  return { object: 'list', data: model.names.map((name) => modelView(model, name)) };
}

/** Throws code `unknown-model` for a name that the server does not serve. */
export function modelNamed(model: ServedModel, name: string): ModelView {
  servedName(model, name);
  return modelView(model, name);
}

function modelView(model: ServedModel, name: string): ModelView {
  const { engine, tokenizer, chats, createdAt } = model;
  return {
    id: name,
    object: 'model',
    created: createdAt,
    owned_by: packageJson.name,
    max_model_len: engine.contextMax,
    meta: {
      parameters: textParameterCount(engine.model.spec),
      vocabulary: tokenizer.vocabSize,
      pooling: poolingView(model),
      chat_template: chats.hasTemplate,
    },
  };
}

function poolingView(model: ServedModel): ModelView['meta']['pooling'] {
  try {
    return model.pooling();
  } catch (error) {
    if (error instanceof PlimsollError) return null;
    throw error;
  }
}
