/** `/props` and `/models`: what llama.cpp's clients ask a server about itself. */
import { basename } from 'node:path';
import { textParameterCount } from '@plimsoll/model-files/spec';
import { z } from 'zod';
import packageJson from '../../../package.json' with { type: 'json' };
import type { ServedModel } from '../core/served-model.ts';
import { generationSettingsSchema, usualSettings } from './generation-settings.ts';

const count = z.int().nonnegative();

export const propsSchema = z
  .object({
    default_generation_settings: z.object({
      n_ctx: count.describe('Longest sequence in tokens: prompt and output.'),
      params: generationSettingsSchema,
    }),
    total_slots: count.describe('Sequences that the server computes at once.'),
    model_alias: z.string(),
    model_path: z.string().describe('Name of the model file or folder, without the folders around it.'),
    modalities: z.object({ vision: z.literal(false), audio: z.literal(false) }),
    chat_template: z.string(),
    bos_token: z.string(),
    eos_token: z.string(),
    build_info: z.string(),
    endpoint_slots: z.literal(false),
    endpoint_props: z.literal(false).describe('The properties can be read alone.'),
    endpoint_metrics: z.literal(true),
    is_sleeping: z.literal(false),
  })
  .meta({ id: 'Props' });

export function props({ engine, tokenizer, chats, names }: ServedModel): z.infer<typeof propsSchema> {
  const { bos, eos } = tokenizer.specialTokens;
  const textOf = (token: number | null): string => (token === null ? '' : tokenizer.tokenText(token));
  return {
    default_generation_settings: { n_ctx: engine.contextMax, params: usualSettings },
    total_slots: engine.sequencesMax,
    model_alias: names[0] ?? '',
    model_path: basename(engine.model.path),
    modalities: { vision: false, audio: false },
    chat_template: chats.templateSource,
    bos_token: textOf(bos),
    eos_token: textOf(eos),
    build_info: `${packageJson.name} ${packageJson.version}`,
    endpoint_slots: false,
    endpoint_props: false,
    endpoint_metrics: true,
    is_sleeping: false,
  };
}

export const modelsSchema = z
  .object({
    object: z.literal('list'),
    data: z.array(
      z.object({
        id: z.string(),
        aliases: z.array(z.string()).describe('Every name that requests may use.'),
        object: z.literal('model'),
        created: z.int(),
        owned_by: z.string(),
        meta: z.object({
          n_ctx: count,
          n_vocab: count,
          n_embd: count,
          n_params: count,
          size: count.describe('Bytes of the weights in memory.'),
        }),
      }),
    ),
  })
  .meta({ id: 'NativeModels', description: 'One model, with its names.' });

export function models({ engine, tokenizer, names, createdAt }: ServedModel): z.infer<typeof modelsSchema> {
  const { spec, graph } = engine.model;
  return {
    object: 'list',
    data: [
      {
        id: names[0] ?? '',
        aliases: [...names],
        object: 'model',
        created: createdAt,
        owned_by: packageJson.name,
        meta: {
          n_ctx: engine.contextMax,
          n_vocab: tokenizer.vocabSize,
          n_embd: graph.hiddenSize,
          n_params: textParameterCount(spec),
          size: engine.memory.adoptedPlan?.storage.weightBytes ?? 0,
        },
      },
    ],
  };
}
