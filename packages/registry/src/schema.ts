/**
 * The schemas, and the function that checks a file against a schema and reports problems with key and nearest value. A
 * separate subpath keeps zod out of programs that only look up records.
 */
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
