/** Reads config.json of an EAGLE3 draft in either form. Settings that training does not compute are refused. */
import { PlimsollError } from '@plimsoll/foundation';
import { z } from 'zod';
import type { Eagle3Draft } from '../algorithms/eagle3/eagle3-draft.ts';

const count = z.int().positive();
const flag = z.boolean().nullish();
const rope = z.looseObject({ rope_type: z.string().nullish(), rope_theta: z.number().positive().nullish() });

const layerSchema = z.looseObject({
  model_type: z.literal('llama'),
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: z.literal(1),
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  attention_bias: z.literal(false).nullish(),
  mlp_bias: z.literal(false).nullish(),
  hidden_act: z.literal('silu').nullish(),
  rms_norm_eps: z.number().positive(),
  rope_theta: z.number().positive().nullish(),
  rope_scaling: z.null().optional(),
  rope_parameters: rope.extend({ rope_type: z.literal('default').nullish() }).nullish(),
  max_position_embeddings: count,
  vocab_size: count,
});

const layersSchema = z.array(z.int().nonnegative()).min(1);

const draftSchema = z.looseObject({
  speculators_model_type: z.literal('eagle3').nullish(),
  transformer_layer_config: z.unknown().optional(),
  draft_vocab_size: count,
  target_hidden_size: count.nullish(),
  eagle_aux_hidden_state_layer_ids: layersSchema.nullish(),
  eagle_config: z
    .looseObject({
      use_aux_hidden_state: z.literal(true).nullish(),
      eagle_aux_hidden_state_layer_ids: layersSchema.nullish(),
    })
    .nullish(),
  norm_before_residual: z.literal(false).nullish(),
  norm_before_fc: z.literal(false).nullish(),
  fc_norm: flag,
  norm_output: flag,
});

const usualRopeBase = 10_000;

/**
 * `usualLayers` are those of a draft whose config lists none, as many published drafts do. Throws `bad-draft-config`, which
 * names the key, its value and what training computes.
 */
export function readDraftConfig(
  value: unknown,
  usualLayers: readonly number[],
): Pick<Eagle3Draft, 'config' | 'layerIds' | 'contextMax'> {
  const draft = parsed(draftSchema, value);
  const layer = parsed(layerSchema, draft.transformer_layer_config ?? value);
  const layerIds = statedLayers(draft) ?? usualLayers;
  const heads = layer.num_attention_heads;
  return {
    config: {
      hiddenSize: layer.hidden_size,
      targetHiddenSize: draft.target_hidden_size ?? layer.hidden_size,
      capturedLayers: layerIds.length,
      heads,
      kvHeads: layer.num_key_value_heads ?? heads,
      headDim: layer.head_dim ?? layer.hidden_size / heads,
      intermediateSize: layer.intermediate_size,
      targetVocabulary: layer.vocab_size,
      draftVocabulary: draft.draft_vocab_size,
      epsilon: layer.rms_norm_eps,
      ropeBase: layer.rope_theta ?? layer.rope_parameters?.rope_theta ?? usualRopeBase,
      normOutput: draft.norm_output ?? false,
      normLayers: draft.fc_norm ?? false,
    },
    layerIds,
    contextMax: layer.max_position_embeddings,
  };
}

/** `eagle_config` counts layers by their output, the key at the top by their input. */
function statedLayers(draft: z.infer<typeof draftSchema>): readonly number[] | null {
  const byOutput = draft.eagle_config?.eagle_aux_hidden_state_layer_ids;
  const byInput = draft.eagle_aux_hidden_state_layer_ids;
  return byOutput ?? byInput?.map((id) => id - 1) ?? null;
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path ?? [];
  throw badConfig(
    path.join('.') || 'the whole',
    JSON.stringify(at(value, path)) ?? 'nothing',
    issue?.message ?? '',
  );
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((found, key) => Object(found)[key], value);
}

function badConfig(key: string, text: string, limit: string): PlimsollError {
  const found = text.slice(0, 200);
  return new PlimsollError({
    code: 'bad-draft-config',
    message: `config.json of the draft states ${key} as ${found}`,
    value: found,
    limit,
    hint: 'use an EAGLE3 draft with one layer of Llama and plain rotary embeddings',
  });
}
