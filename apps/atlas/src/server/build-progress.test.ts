/** What a reader of `npm start` sees while the site is built. */
import { expect, test } from 'vitest';
import { BuildProgress } from './build-progress.ts';

test('stages, pages and the time left are told as Astro prints them', () => {
  let seconds = 100;
  const progress = new BuildProgress({ pagesExpected: 40, secondsNow: () => seconds });
  const told = [progress.text()];
  const read = (line: string, duration: number): void => {
    seconds += duration;
    if (progress.read(line)) told.push(progress.text());
  };
  read('03:08:17 [build] Collecting build info...', 2);
  read('03:08:17 [build] Building static entrypoints...', 2);
  read('03:08:25 [vite] ✓ built in 7.96s', 8);
  read(' generating static routes ', 1);
  read('03:08:30 ▶ src/pages/[...locale]/docs/hardware/[id].astro', 0);
  for (const name of ['a', 'b', 'c', 'd', 'e']) read(`03:08:31   ├─ /docs/${name}/index.html (+224ms) `, 0.5);
  told.push(progress.text());
  for (let page = 6; page <= 20; page++) read(`03:08:33   ├─ /docs/${page}/index.html (+224ms) `, 0.5);
  read('03:08:33   └─ /data/specs/a.json (+3ms) ', 0);
  told.push(progress.text());
  for (let page = 21; page <= 44; page++) read(`03:08:33   └─ /docs/${page}/index.html (+224ms) `, 0.5);
  told.push(progress.text());
  expect(told).toMatchInlineSnapshot(`
    [
      "   0 s  1 of 3: reading records and pages",
      "   4 s  2 of 3: bundling scripts and styles",
      "  13 s  3 of 3: writing pages",
      "  16 s  3 of 3: writing pages, 5 of about 40",
      "  23 s  3 of 3: writing pages, 20 of about 40, about 10 s left",
      "  35 s  3 of 3: writing pages, 44 of about 44, about 0 s left",
    ]
  `);
});
