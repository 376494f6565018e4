/** Each test breaks one thing in a sound site and sees what its writer is told. */
import { describe, expect, test } from 'vitest';
import { type SampleSite, sampleSite, siteProblems } from '../sample-site.test-data.ts';

/** The problems of the sample after `change` was made to it. */
function told(change: (site: SampleSite) => void): readonly string[] {
  const site = sampleSite();
  change(site);
  return siteProblems(site);
}

/** The problems after one text in one file of pages was replaced. */
function replaced(path: string, from: string, to: string): readonly string[] {
  return told(({ pages }) => {
    const file = pages[path] ?? '';
    const text = typeof file === 'string' ? file : JSON.stringify(file);
    expect(text).toContain(from);
    pages[path] = text.replace(from, to);
  });
}

const memory = 'systems/memory';
const words = `${memory}/messages/en.json`;

test('the site that the others are made from is sound', () => {
  expect(siteProblems(sampleSite())).toEqual([]);
});

describe('words of the structure', () => {
  test('sections', () => {
    expect(replaced(`${memory}/page.mdx`, 'id="growth"', 'id="grwoth"')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/page.mdx: line 9: Section "grwoth" is not in sections of docs/systems/memory/messages/en.json; nearest: "growth"",
        "docs/systems/memory/messages/en.json: sections.growth: page.mdx has no <Section id="growth">; nearest: "grwoth"",
        "docs/systems/memory/messages/en.json: sections.what-it-is.body[0]: link to "#growth": no section "growth" there; nearest: "grwoth"",
        "docs/tutorials/memory-wall/messages/en.json: summary[0]: link to "system.memory#growth": no section "growth" there; nearest: "grwoth"",
      ]
    `);
    expect(replaced(words, '"growth":', '"growht":')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/page.mdx: line 9: Section "growth" is not in sections of docs/systems/memory/messages/en.json; nearest: "growht"",
        "docs/systems/memory/messages/en.json: sections.growht: page.mdx has no <Section id="growht">; nearest: "growth"",
      ]
    `);
  });

  test('figures need an asset and words', () => {
    expect(
      replaced(`${memory}/page.mdx`, '<Figure id="flow" />', '<Figure id="flo" />'),
    ).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/page.mdx: line 8: Figure "flo" is not in figures of docs/systems/memory/messages/en.json; nearest: "flow"",
        "docs/systems/memory/messages/en.json: figures.flow: page.mdx has no <Figure id="flow">; nearest: "flo"",
        "docs/systems/memory/page.mdx: line 8: Figure "flo" is not in figures of docs/systems/memory/assets.json; nearest: "flow"",
        "docs/systems/memory/assets.json: figures.flow: page.mdx has no <Figure id="flow">; nearest: "flo"",
      ]
    `);
    expect(replaced(`${memory}/assets.json`, '"flow":', '"flows":')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/page.mdx: line 8: Figure "flow" is not in figures of docs/systems/memory/assets.json; nearest: "flows"",
        "docs/systems/memory/assets.json: figures.flows: page.mdx has no <Figure id="flows">; nearest: "flow"",
        "docs/systems/memory/messages/en.json: figures.flows.nodes.weights: is missing",
        "docs/systems/memory/messages/en.json: figures.flows.nodes.cache: is missing",
      ]
    `);
  });

  test('islands, cells and exercises', () => {
    expect(replaced(`${memory}/page.mdx`, '<Island id="ledger" />', '')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: islands.ledger: page.mdx has no <Island id="ledger">",
        "docs/systems/memory/assets.json: islands.ledger: page.mdx has no <Island id="ledger">",
      ]
    `);
    expect(
      told(({ pages }) => {
        delete pages['tutorials/memory-wall/cells/sweep.ts'];
      }),
    ).toMatchInlineSnapshot(`
      [
        "docs/tutorials/memory-wall/page.mdx: line 6: Cell "sweep" is not in docs/tutorials/memory-wall/cells",
      ]
    `);
    expect(replaced('tutorials/memory-wall/page.mdx', 'how-many', 'how-much')).toMatchInlineSnapshot(`
      [
        "docs/tutorials/memory-wall/page.mdx: line 7: Exercise "how-much" is not in exercises of docs/tutorials/memory-wall/messages/en.json; nearest: "how-many"",
        "docs/tutorials/memory-wall/messages/en.json: exercises.how-many: page.mdx has no <Exercise id="how-many">; nearest: "how-much"",
      ]
    `);
  });
});

describe('graphs', () => {
  test('exist', () => {
    expect(replaced(`${memory}/assets.json`, 'graph.memory-flow', 'graph.memory-flo')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/assets.json: figures.flow.graph: "graph.memory-flo" is no graph; nearest: "graph.memory-flow"",
        "data/graphs/memory-flow.json: id: no page shows "graph.memory-flow"",
      ]
    `);
  });

  test('have words for each node, and for no other', () => {
    expect(replaced(words, '"weights":{', '"wieghts":{')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: figures.flow.nodes.wieghts: graph.memory-flow has no such node; nearest: "weights"",
        "docs/systems/memory/messages/en.json: figures.flow.nodes.weights: is missing; nearest: "wieghts"",
      ]
    `);
    expect(replaced(words, 'weights->cache', 'cache->weights')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: figures.flow.edges.cache->weights: graph.memory-flow has no such edge; nearest: "weights->cache"",
      ]
    `);
  });
});

describe('what texts refer to', () => {
  test('citations are of the record, and those of the record are used', () => {
    expect(replaced(words, '[@kwon-2023-pagedattention]', '')).toMatchInlineSnapshot(`
      [
        "data/systems/memory.json: citations[0]: the page never cites "citation.kwon-2023-pagedattention": write [@kwon-2023-pagedattention], or take it out",
      ]
    `);
    expect(replaced(words, '[@kwon-2023-pagedattention]', '[@kwon-2023]')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: sections.growth.body[0]: [@kwon-2023] is no citation; nearest: "citation.kwon-2023-pagedattention"",
        "data/systems/memory.json: citations[0]: the page never cites "citation.kwon-2023-pagedattention": write [@kwon-2023-pagedattention], or take it out",
      ]
    `);
    expect(
      told(({ records }) => {
        records['citations/other.json'] = {
          ...records['citations/kwon-2023-pagedattention.json'],
          id: 'citation.other',
        };
        records['systems/memory.json'] = {
          ...records['systems/memory.json'],
          citations: ['citation.other'],
        };
      }),
    ).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: sections.growth.body[0]: [@kwon-2023-pagedattention] is not in the citations of system.memory: add "citation.kwon-2023-pagedattention" to its record",
        "data/systems/memory.json: citations[0]: the page never cites "citation.other": write [@other], or take it out",
      ]
    `);
  });

  test('numbers are computed, and those computed are shown', () => {
    expect(replaced(words, '{kv-per-token}', '{kv-per-tokens}')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: sections.growth.body[0]: {kv-per-tokens} is not computed by numbers.ts of this page; nearest: "kv-per-token"",
        "docs/systems/memory/numbers.ts: kv-per-token: no text shows {kv-per-token}; nearest: "kv-per-tokens"",
      ]
    `);
    expect(
      told(({ numberNames }) => {
        numberNames['system.memory'] = ['kv-per-token', 'weights'];
      }),
    ).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/numbers.ts: weights: no text shows {weights}; nearest: "kv-per-token"",
      ]
    `);
  });

  test('links lead to records, sections and addresses', () => {
    expect(replaced(words, 'hardware.h100-sxm-80gb', 'hardware.h100-sxm')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: summary[0]: link to "hardware.h100-sxm" leads nowhere; nearest: "hardware.h100-sxm-80gb"",
      ]
    `);
    expect(replaced(words, '(#growth)', '(#growing)')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: sections.what-it-is.body[0]: link to "#growing": no section "growing" there; nearest: "growth"",
      ]
    `);
    expect(replaced(words, '(/planner)', '(/planer)')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: sections.what-it-is.body[0]: "/planer" is no address of the site; nearest: "/planner"",
      ]
    `);
    expect(
      replaced('tutorials/memory-wall/messages/en.json', 'system.memory#growth', 'system.memori'),
    ).toMatchInlineSnapshot(`
      [
        "docs/tutorials/memory-wall/messages/en.json: summary[0]: link to "system.memori" leads nowhere; nearest: "system.memory"",
      ]
    `);
    expect(
      replaced('tutorials/memory-wall/messages/en.json', 'system.memory#growth', 'system.memory#grow'),
    ).toMatchInlineSnapshot(`
      [
        "docs/tutorials/memory-wall/messages/en.json: summary[0]: link to "system.memory#grow": no section "grow" there; nearest: "growth"",
      ]
    `);
    expect(replaced(words, '(/planner)', '(https://example.com/a)')).toEqual([]);
  });

  test('marks are closed, and used where they are rendered', () => {
    expect(replaced(words, '*cache*', '*cache')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: summary[0]: "*" is missing: a mark is not closed",
      ]
    `);
    expect(replaced(words, '"title":"Memory"', '"title":"*Memory*"')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: title: a title holds no emphasis: write plain words",
      ]
    `);
    expect(replaced(words, 'Weights lead', '[Weights](#growth) lead')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: figures.flow.alt: a label holds no link: write plain words",
      ]
    `);
  });
});

describe('page and record', () => {
  test('belong to each other', () => {
    expect(
      told(({ records, pages }) => {
        delete records['systems/memory.json'];
        for (const path of Object.keys(pages).filter((name) => name.startsWith('tutorials')))
          delete pages[path];
      }),
    ).toMatchInlineSnapshot(`
      [
        "data/tutorials/memory-wall.json: related[0]: "system.memory" is no page; nearest: "tutorial.memory-wall"",
        "data/graphs/memory-flow.json: subject: "system.memory" is no page; nearest: "tutorial.memory-wall"",
        "data/tutorials/memory-wall.json: no page names "tutorial.memory-wall" as related",
        "data/tags/capacity.json: "tag.capacity" is the tag of 1 pages, the least is 2",
        "docs/systems/memory/messages/en.json: sections.growth.body[0]: [@kwon-2023-pagedattention] is not in the citations of system.memory: add "citation.kwon-2023-pagedattention" to its record",
        "docs/systems/memory/page.mdx: record: there is no record "system.memory"; nearest: "tutorial.memory-wall"",
        "data/tutorials/memory-wall.json: id: there is no page of "tutorial.memory-wall"; nearest: "system.memory"",
      ]
    `);
    expect(replaced(`${memory}/page.mdx`, 'system.memory', 'system.memmory')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/page.mdx: record: "system.memmory" is not the record of this folder; nearest: "system.memory"",
      ]
    `);
  });

  test('agree on what is related, with a reason', () => {
    expect(replaced(words, '"tutorial.memory-wall":', '"tutorial.memory-walls":')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: related.tutorial.memory-wall: is missing: say why a reader would go there, or take it out of data/systems/memory.json",
        "docs/systems/memory/messages/en.json: related.tutorial.memory-walls: is not related in data/systems/memory.json; nearest: "tutorial.memory-wall"",
      ]
    `);
  });

  test('a graph that no page shows is refused', () => {
    expect(
      told(({ records }) => {
        records['graphs/idle.json'] = { ...records['graphs/memory-flow.json'], id: 'graph.idle' };
      }),
    ).toMatchInlineSnapshot(`
      [
        "data/graphs/idle.json: id: no page shows "graph.idle"",
      ]
    `);
  });
});

describe('files', () => {
  test('are those of a page', () => {
    expect(
      told(({ pages }) => {
        delete pages[words];
        pages[`${memory}/asset.json`] = '{}';
        pages['system/memory/page.mdx'] = '';
      }),
    ).toMatchInlineSnapshot(`
      [
        "docs/system/memory/page.mdx: belongs to no page: <kind>/<slug>/; nearest: "systems"",
        "docs/systems/memory/asset.json: is no part of a page; nearest: "assets.json"",
        "docs/systems/memory/messages/en.json: the page system.memory lacks this file",
      ]
    `);
  });

  test('a key that no schema knows is told with the nearest one', () => {
    expect(replaced(words, '"description":', '"descripton":')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: description: is missing",
        "docs/systems/memory/messages/en.json: descripton: unknown key; nearest: "description"",
      ]
    `);
    expect(replaced(words, '"caption":', '"captoin":')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: figures.flow.caption: is missing",
        "docs/systems/memory/messages/en.json: figures.flow.captoin: unknown key; nearest: "caption"",
      ]
    `);
    expect(replaced(words, '["One.","Two."]', '{"step":["One."]}')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: sections.what-it-is.body[1].step: unknown key; nearest: "steps"",
      ]
    `);
    expect(replaced(words, '["One.","Two."]', '{"formula":""}')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/messages/en.json: sections.what-it-is.body[1].formula: "": is empty",
      ]
    `);
    expect(replaced(`${memory}/assets.json`, '"graph","graph"', '"grpah","graph"')).toMatchInlineSnapshot(`
      [
        "docs/systems/memory/assets.json: figures.flow.kind: "grpah" is not allowed; nearest: "graph"",
      ]
    `);
  });
});
