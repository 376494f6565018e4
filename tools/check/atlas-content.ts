/**
 * Checks the atlas's records and pages: schemas, references in every direction, and the prose. CONTRIBUTING.md states
 * the rules; apps/atlas/src/pages-data implements them, and the site's build uses them too.
 */
import type { Check } from './project.ts';

export const atlasContent: Check = {
  name: 'atlas content',
  run: async ({ root }, remark) => {
    // Loaded when the check runs, not before: pages that fail to load are then the problem of this check alone.
    const { readSiteContent } = await import('../../apps/atlas/src/pages-data/site-content.ts');
    const { formatContentProblem } = await import('../../packages/registry/src/content-problem.ts');
    const { proseProblems } = await import('../../apps/atlas/src/pages-data/judge/prose-limits.ts');
    const { pages, numbers, untranslatedCounts, problems, bareNumbers } = await readSiteContent(root);
    for (const [locale, count] of untranslatedCounts) {
      if (count > 0) remark?.(`locale ${locale} shows English for ${count} keys`);
    }
    const prose = [...pages.values()].flatMap((page) =>
      proseProblems(page, (name) => numbers.get(page.id)?.[name]?.text ?? ''),
    );
    return [...problems, ...bareNumbers, ...prose].map(formatContentProblem);
  },
};
