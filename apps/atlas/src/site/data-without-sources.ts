/**
 * Engine data for the browser without the words about where each value comes from. The planner reads the values alone, and
 * the words are about a third of what these files take in a page.
 */

/** Files that the planner imports: `packages/registry/data/engines/*.json`, and the costs of our own engine's process. */
const engineData = /\/(registry\/data\/engines\/[\w-]+|planner\/src\/engines\/[\w-]+\/[\w-]+)\.json$/;
const wordsOfData: ReadonlySet<string> = new Set(['provenance', 'about', 'note']);

/** A plugin of Vite, for pages and for workers. */
export interface DataPlugin {
  readonly name: string;
  readonly enforce: 'pre';
  transform(code: string, id: string): string | null;
}

export function dataWithoutSources(): DataPlugin {
  return {
    name: 'plimsoll:data-without-sources',
    enforce: 'pre',
    transform: (code, id) => (engineData.test(id) ? withoutWords(code) : null),
  };
}

export function withoutWords(json: string): string {
  return JSON.stringify(
    JSON.parse(json, function (this: unknown, key, value: unknown) {
      return wordsOfData.has(key) && !Array.isArray(this) ? undefined : value;
    }),
  );
}
