/**
 * What a model record may say. `config` holds facts under the names config.json uses, untouched, nested parts included;
 * everything this registry adds stays outside it. For tests and tools, like the hardware schema: the runtime imports
 * only the types.
 */
import { z } from 'zod';

const json = z.json();
const count = z.int().positive();

const configSchema = z.record(z.string(), json).refine((config) => typeof config.model_type === 'string', {
  message: 'a config names its model_type',
});

const modelProvenanceSchema = z.strictObject({
  kind: z.enum(['config.json', 'code default', 'paper', 'model card', 'literature']),
  ref: z.string().min(1),
  note: z.string().min(1).optional(),
});

export const modelSchema = z.strictObject({
  /** Hugging Face id, in its own capitals. */
  id: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  /** The model this one was fine-tuned, re-uploaded or quantised from, as its card names it. */
  baseModel: z.string().min(1).nullable(),
  /** Names beyond those that rules derive from the id; an alias wins over derived names. */
  aliases: z.array(z.string().min(1)),
  huggingface: z.url(),
  /** All parameters as published, vision and prediction layers included where the source includes them. */
  parameters: count.nullable(),
  /** Parameters one token passes through, as published; null for dense models. */
  activeParameters: count.nullable(),
  /** Parameters of the language model, computed from the config: a check on readers. */
  computedTextParameters: count.nullable(),
  computedActiveTextParameters: count.nullable(),
  /** The id whose config stands in when this one's own was not seen. */
  configFrom: z.string().min(1).nullable(),
  /** Values that config.json leaves to defaults in code. They are not part of `config`. */
  implied: z.strictObject({ source: z.string().min(1), config: z.record(z.string(), json) }).nullable(),
  /** Quantisation told by the id or the card alone; null when the config tells or there is none. */
  quantizationInferred: z
    .strictObject({
      method: z.string().min(1).optional(),
      weights: z.string().min(1).optional(),
      activations: z.string().min(1).optional(),
      source: z.string().min(1).optional(),
    })
    .nullable(),
  provenance: z.strictObject({
    config: modelProvenanceSchema,
    parameters: modelProvenanceSchema.optional(),
  }),
  config: configSchema,
});

export type ModelRecord = Readonly<z.infer<typeof modelSchema>>;
/** Facts under the names of config.json. */
export type ModelConfig = ModelRecord['config'];
