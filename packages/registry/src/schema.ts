/** The schemas themselves. A subpath of its own keeps zod out of programs that only look records up. */
export {
  hardwareSchema,
  linkSchema,
  memorySchema,
  provenanceSchema,
  ratesSchema,
  variantSchema,
} from './hardware-schema.ts';
export { modelSchema } from './model-schema.ts';
