/** Starlight asks for a collection of this name. Ours is empty: src/pages makes every route, from records and messages. */

import { defineCollection } from 'astro:content';
import { docsSchema } from '@astrojs/starlight/schema';

export const collections = {
  docs: defineCollection({ loader: () => [], schema: docsSchema() }),
};
