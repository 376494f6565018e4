/** Checks that the links, citations and computed numbers in the texts of a page lead somewhere. */
import type { AtlasRecords } from '@plimsoll/registry/authoring';
import { type ContentProblem, nearestHint, splitId } from '@plimsoll/registry/pages';
import { allNodes, type Inline, parseInline } from '../read/inline-text.ts';
import { type MessageText, messageTexts, type TextRole } from '../read/message-texts.ts';
import { type Page, sourceLocale } from '../read/page-reader.ts';
import { allElements } from '../read/page-structure.ts';

/** Everything that a page may refer to. */
export interface PageSurroundings {
  readonly records: AtlasRecords;
  readonly pages: ReadonlyMap<string, Page>;
  /** Ids of generated pages: `model.openai/gpt-oss-20b`, `hardware.h100-sxm-80gb`. */
  readonly generatedIds: ReadonlySet<string>;
  /** Addresses of the site that no record names: `/planner`. */
  readonly routes: readonly string[];
  /** Page id -> names of the numbers that its numbers.ts computes. */
  readonly numberNames: ReadonlyMap<string, readonly string[]>;
}

/** Marks that a text of each role may hold. Other roles may hold any mark. */
const allowedKinds: Readonly<Partial<Record<TextRole, readonly Inline['kind'][]>>> = {
  title: ['text'],
  description: ['text'],
  label: ['text'],
};

export function textProblems(page: Page, surroundings: PageSurroundings): readonly ContentProblem[] {
  const used = { citations: new Set<string>(), numbers: new Set<string>() };
  const problems: ContentProblem[] = [];
  for (const [locale, messages] of page.locales) {
    const file = `${page.folder}/messages/${locale}.json`;
    for (const text of messageTexts(messages)) {
      const nodes = readText(text);
      problems.push(...nodes.problems.map((problem) => ({ file, key: text.key, problem })));
      for (const node of nodes.nodes) {
        const problem = nodeProblem(node, page, surroundings);
        if (problem !== null) problems.push({ file, key: text.key, problem });
        if (locale !== sourceLocale) continue;
        if (node.kind === 'citation') used.citations.add(`citation.${node.slug}`);
        if (node.kind === 'number') used.numbers.add(node.name);
      }
    }
  }
  return [...problems, ...idleProblems(page, surroundings, used)];
}

function readText({ text, role }: MessageText): { nodes: readonly Inline[]; problems: readonly string[] } {
  const parsed = parseInline(text);
  const nodes = allNodes(parsed.nodes);
  const allowed = allowedKinds[role];
  const strange = nodes.filter(({ kind }) => allowed !== undefined && !allowed.includes(kind));
  const marks = strange.map(({ kind }) => `a ${role} holds no ${kind}: write plain words`);
  return { nodes, problems: [...parsed.problems, ...marks] };
}

function nodeProblem(node: Inline, page: Page, surroundings: PageSurroundings): string | null {
  if (node.kind === 'citation') {
    const cited = surroundings.records.pages.get(page.id)?.record.citations ?? [];
    const id = `citation.${node.slug}`;
    if (cited.includes(id)) return null;
    const { citations } = surroundings.records;
    return citations.has(id)
      ? `[@${node.slug}] is not in the citations of ${page.id}: add "${id}" to its record`
      : `[@${node.slug}] is no citation${nearestHint(id, citations.keys())}`;
  }
  if (node.kind === 'number') {
    const names = surroundings.numberNames.get(page.id) ?? [];
    return names.includes(node.name)
      ? null
      : `{${node.name}} is not computed by numbers.ts of this page${nearestHint(node.name, names)}`;
  }
  return node.kind === 'link' ? linkProblem(node.target, page, surroundings) : null;
}

/** A link leads to a record, a section, an address of this site, or out of it. */
function linkProblem(target: string, page: Page, surroundings: PageSurroundings): string | null {
  if (/^https:\/\/[^\s/]+/.test(target)) return null;
  const [place = '', section] = target.split('#', 2);
  if (place.startsWith('/')) {
    const { routes } = surroundings;
    return routes.includes(place)
      ? null
      : `"${place}" is no address of the site${nearestHint(place, routes)}`;
  }
  const known = [...surroundings.pages.keys(), ...surroundings.generatedIds];
  if (place !== '' && !known.includes(place)) {
    // Names of the same kind come first: a mistyped model is not a system.
    const [kind] = splitId(place);
    const ofKind = known.filter((id) => id.startsWith(`${kind}.`));
    return `link to "${place}" leads nowhere${nearestHint(place, ofKind.length > 0 ? ofKind : known)}`;
  }
  if (section === undefined) return place === '' ? 'a link has a target' : null;
  const destination = place === '' ? page : surroundings.pages.get(place);
  const sections = destination === undefined ? [] : sectionIds(destination);
  return sections.includes(section)
    ? null
    : `link to "${target}": no section "${section}" there${nearestHint(section, sections)}`;
}

function sectionIds(page: Page): readonly string[] {
  return allElements(page.structure.elements)
    .filter(({ component }) => component === 'Section')
    .map(({ id }) => id);
}

/** Citations and numbers that a page lists or computes but never shows. */
function idleProblems(
  page: Page,
  { records, numberNames }: PageSurroundings,
  used: { readonly citations: ReadonlySet<string>; readonly numbers: ReadonlySet<string> },
): readonly ContentProblem[] {
  const filed = records.pages.get(page.id);
  const citations = (filed?.record.citations ?? []).flatMap((id, index) =>
    used.citations.has(id)
      ? []
      : {
          file: filed?.file ?? '',
          key: `citations[${index}]`,
          problem: `the page never cites "${id}": write [@${splitId(id)[1]}], or take it out`,
        },
  );
  const numbers = (numberNames.get(page.id) ?? [])
    .filter((name) => !used.numbers.has(name))
    .map((name) => ({
      file: `${page.folder}/numbers.ts`,
      key: name,
      problem: `no text shows {${name}}${nearestHint(name, used.numbers)}`,
    }));
  return [...citations, ...numbers];
}
