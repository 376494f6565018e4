/** The route of SGLang's own API. */
import type { Routes } from '../routes.ts';
import { generate } from './generate.ts';
import { generateEventSchema, generateRequestSchema, generateResponseSchema } from './generate-schema.ts';

export function addSglangRoutes(routes: Routes): void {
  routes.post({
    path: '/generate',
    summary: 'Continue texts or tokens, with hidden states if asked',
    tag: 'SGLang',
    request: generateRequestSchema,
    response: generateResponseSchema,
    event: generateEventSchema,
    handle: generate,
  });
}
