/** The schemas themselves, and the one way to read a file by a schema with problems that name key and nearest value. A subpath of its own keeps zod out of programs that only look records up. */
export { featuredSchema } from './featured-schema.ts';
export {
  hardwareSchema,
  linkSchema,
  memorySchema,
  provenanceSchema,
  ratesSchema,
  variantSchema,
} from './hardware-schema.ts';
export { modelSchema } from './model-schema.ts';
export { citationSchema, graphSchema, pageRecordSchema, tagSchema } from './pages/record-schema.ts';
export { parseContent } from './schema-problems.ts';
