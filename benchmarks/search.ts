/**
 * Speed of the search over the atlas: the time to open its index, and the time of an answer while a title is typed.
 *
 *     npm run bench -- search [--json]
 *
 * The queries are the title of each page, model and device, its beginnings as a reader types them, and the title with
 * two letters swapped. Fails if one answer in a hundred takes longer than the site promises.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { PlimsollError } from '@plimsoll/foundation';
import { dataDirectory } from '@plimsoll/registry/authoring';
import { openSearch, searchIndexPath } from '@plimsoll/registry/search';
import { runBenchmark } from './record/run-benchmark.ts';
import { describeRun, runLines } from './record/run-description.ts';
import { median, quantile } from './record/statistics.ts';

/** Limit that a page states for its search; a quiet machine needs a tenth of it. */
const answerMillisecondsMax = 10;
const openRounds = 15;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
  const run = describeRun('search', process.argv.slice(2));
  const text = readFileSync(`${dataDirectory}/${searchIndexPath()}`, 'utf8');
  const openings = Array.from({ length: openRounds }, () => timed(() => openSearch(text)));
  const search = openSearch(text);
  const queries = queriesOf(text);
  // The first round is slower, like a reader's first question.
  const [first = [], second = []] = [0, 1].map(() =>
    queries.map((query) => timed(() => search.search(query))),
  );
  const record = {
    run,
    indexBytes: Buffer.byteLength(text),
    queries: queries.length,
    openMilliseconds: { first: openings[0] ?? 0, median: median(openings) },
    firstRound: statistics(first),
    secondRound: statistics(second),
  };
  const line = (name: string, figures: ReturnType<typeof statistics>): string =>
    `${name}: median ${figures.median} ms, one in a hundred over ${figures.p99} ms, worst ${figures.worst} ms\n`;
  process.stdout.write(
    values.json
      ? `${JSON.stringify(record, null, 2)}\n`
      : `${runLines(run)}\n\nIndex of ${record.indexBytes} bytes, opened in ${record.openMilliseconds.median.toFixed(1)} ms ` +
          `(first time ${record.openMilliseconds.first.toFixed(1)} ms). ${queries.length} queries.\n` +
          line('first round', record.firstRound) +
          line('second round', record.secondRound),
  );
  if (record.secondRound.p99 <= answerMillisecondsMax) return;
  throw new PlimsollError({
    code: 'slow-search',
    message: `one answer in a hundred takes ${record.secondRound.p99} ms or longer`,
    limit: `${answerMillisecondsMax} ms`,
    hint: 'look at the allowed edits and the shortest prefix in search-options.ts',
  });
}

function queriesOf(indexText: string): readonly string[] {
  const index: { readonly storedFields: Readonly<Record<string, { readonly title: string }>> } =
    JSON.parse(indexText);
  return Object.values(index.storedFields).flatMap(({ title }) => {
    const half = title.slice(0, Math.ceil(title.length / 2));
    const middle = Math.floor(title.length / 2);
    const swapped = `${title.slice(0, middle)}${title[middle + 1] ?? ''}${title[middle]}${title.slice(middle + 2)}`;
    return [title.slice(0, 1), title.slice(0, 3), half, title, swapped];
  });
}

function statistics(milliseconds: readonly number[]): { median: number; p99: number; worst: number } {
  const rounded = (value: number): number => Math.round(value * 100) / 100;
  return {
    median: rounded(median(milliseconds)),
    p99: rounded(quantile(milliseconds, 0.99)),
    worst: rounded(Math.max(...milliseconds)),
  };
}

function timed(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

await runBenchmark(main);
