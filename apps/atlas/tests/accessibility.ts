/** What axe objects to in a page: rule, first element, count of elements. */
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';

/** Checks the whole page, or only the element that `part` selects. */
export async function accessibilityProblems(page: Page, part?: string): Promise<readonly string[]> {
  const axe = new AxeBuilder({ page })
    // By default axe also describes every element that passes a rule, which takes most of its time.
    .options({ resultTypes: ['violations'] })
    // The pages have no frames of other sites, so that no second page has to merge results.
    .setLegacyMode();
  if (part !== undefined) axe.include(part);
  const { violations } = await axe.analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 160)} (${nodes.length})`);
}
