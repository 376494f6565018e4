/** `plimsoll explain`: prints the atlas's best page about some words, with links. */
import { PlimsollError } from '@plimsoll/foundation';
import { siteOrigin } from '@plimsoll/registry/pages';
import type { Search } from '@plimsoll/registry/search';
import { Command } from 'commander';
import { printJson, printText } from '../output.ts';
import { type Explanation, renderExplanation } from '../render/explanation-text.ts';

/** Maximum number of other pages in the list. */
const othersMax = 5;

export function explainCommand(): Command {
  return new Command('explain')
    .description('Explain a term, model or device with a page of the atlas')
    .argument('<words...>', 'the words to explain: "kv cache growth", h100, ttft')
    .option('--json', 'print the pages found as JSON (plimsoll schema explain)')
    .addHelpText(
      'after',
      `
Examples:
  plimsoll explain "kv cache growth"
  plimsoll explain h100
  plimsoll explain how many users --json

Pages are served by \`npm start\` on ${siteOrigin}.`,
    )
    .action(async (words: string[], flags: { json?: boolean }) => {
      const { openShippedSearch } = await import('@plimsoll/registry/shipped-search');
      const search = openShippedSearch();
      const query = words.join(' ');
      const results = search.search(query);
      if (results.length === 0) throw nothingFound(query, search);
      if (flags.json === true) printJson({ query, results });
      else printText(renderExplanation(explanationOf(search, results)));
    });
}

function explanationOf(search: Search, results: ReturnType<Search['search']>): Explanation {
  const [best, ...others] = results;
  const document = best === undefined ? undefined : search.document(best.id);
  return {
    title: best?.title ?? '',
    summary: document?.summary ?? [],
    facts: document?.facts ?? [],
    link: `${siteOrigin}${best?.route ?? ''}`,
    others: others.slice(0, othersMax).map(({ title, route }) => ({ title, link: siteOrigin + route })),
  };
}

function nothingFound(query: string, search: Search): PlimsollError {
  const near = search.nearestWords(query);
  return new PlimsollError({
    code: 'nothing-found',
    message: `the atlas has nothing about "${query}"`,
    value: query,
    hint: near.length === 0 ? 'plimsoll explain memory' : `one of the nearest words: ${near.join(', ')}`,
  });
}
