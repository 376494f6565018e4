/**
 * Takes pictures of the site as readers see it, for review of a change of its look: each route at three widths in both
 * themes, screen by screen.
 *   node tools/site-pictures.ts / /docs/systems/memory/ [--out folder] [--whole]
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildSite } from '../apps/atlas/src/server/site-build.ts';
import { startSite } from '../apps/atlas/src/server/site-server.ts';
import { launchChromium } from '../apps/atlas/tests/chromium.ts';

const widths = [360, 820, 1440];
const height = 900;
const themes = ['light', 'dark'] as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: '.cache/site-pictures' },
    /** Takes the whole page in one picture instead of its first screen. */
    whole: { type: 'boolean', default: false },
  },
});
const routes = positionals.length > 0 ? positionals : ['/', '/planner/', '/docs/systems/memory/'];
mkdirSync(values.out, { recursive: true });
const { directory } = await buildSite(join(import.meta.dirname, '..'));
const site = await startSite(directory, 0);
const browser = await launchChromium();
try {
  for (const route of routes) {
    for (const width of widths) {
      for (const colorScheme of themes) {
        const page = await browser.newPage({ viewport: { width, height }, colorScheme });
        await page.goto(`http://127.0.0.1:${site.port}${route}`, { waitUntil: 'networkidle' });
        const name = route.replaceAll(/[^a-z0-9]+/gi, '-').replaceAll(/^-|-$/g, '') || 'start';
        const path = join(values.out, `${name}-${width}-${colorScheme}.png`);
        await page.screenshot({ path, fullPage: values.whole });
        process.stdout.write(`${path}\n`);
        await page.close();
      }
    }
  }
} finally {
  await browser.close();
  await site.close();
}
