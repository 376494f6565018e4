/**
 * The schema of a model record. `config` holds unchanged facts under the names that config.json uses, including nested
 * parts; everything that this registry adds is outside `config`. For tests and tools, like the hardware schema: the
 * runtime imports only the types.
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
  /** Hugging Face id in its original capitals. */
  id: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  /** The model that this model was fine-tuned, re-uploaded or quantised from, as its card names it. */
  baseModel: z.string().min(1).nullable(),
  /** Additional names that no rule derives from the id; an alias wins over derived names. */
  aliases: z.array(z.string().min(1)),
  huggingface: z.url(),
  /** Published count of all parameters, including vision and prediction layers where the source includes them. */
  parameters: count.nullable(),
  /** Published count of the parameters that a token uses; null for dense models. */
  activeParameters: count.nullable(),
  /** Parameters of the language model, computed from the config; tests compare the readers with it. */
  computedTextParameters: count.nullable(),
  computedActiveTextParameters: count.nullable(),
  /** Day on which the weights were published, and who says so. Absent if no source was found. */
  released: z.strictObject({ date: z.iso.date(), ref: z.string().min(1) }).optional(),
  /** The id whose config is used because this model's own config was not available. */
  configFrom: z.string().min(1).nullable(),
  /** Values that config.json leaves to defaults in code. They are not in `config`. */
  implied: z.strictObject({ source: z.string().min(1), config: z.record(z.string(), json) }).nullable(),
  /** Quantisation that only the id or the card states; null if the config states it or the model has none. */
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
