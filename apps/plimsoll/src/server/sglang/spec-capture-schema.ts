/** The field `spec_capture`: features of a prompt for the training of draft models. */
import { z } from 'zod';

const name = z.string().min(1).max(128);
const passthroughMax = 16;
const layersMax = 64;

export const specCaptureSchema = z
  .object({
    store_id: name.describe('Store that will hold the sample; the answer repeats it.'),
    sample_id: z.string().min(1).max(512),
    gen: z.int().min(1).nullish().describe('Generation of the sample. Default 1.'),
    replace: z.boolean().nullish().describe('Has no effect: the server stores no samples.'),
    features: z
      .object({
        aux: name
          .nullish()
          .describe('Name for the outputs of aux_layer_ids, [1, tokens, layers x hidden size].'),
        last_hidden: name.nullish().describe('Name for the final states, [1, tokens, hidden size].'),
      })
      .describe('Features to capture, at least one.'),
    aux_layer_ids: z
      .array(z.int().min(0))
      .max(layersMax)
      .nullish()
      .describe('Layer l is the output of decoder layer l, hidden_states[l + 1] of transformers.'),
    passthrough: z
      .array(
        z.object({
          name,
          data: z.union([z.array(z.int()), z.array(z.array(z.int()))]),
          shape: z.array(z.int().min(1)).min(2).max(4).describe('[1, tokens, ...]'),
          dtype: z.literal('int64'),
        }),
      )
      .max(passthroughMax)
      .nullish()
      .describe('Tensors that the answer repeats among the features.'),
  })
  .meta({ id: 'SpecCapture' });
