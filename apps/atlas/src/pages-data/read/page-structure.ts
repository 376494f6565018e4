/**
 * Reads page.mdx. A page is structure alone: a frontmatter with the id of its record, then components with ids, nested in
 * sections. This is a small part of MDX on purpose: the reader refuses prose, imports and expressions and names their line,
 * because every sentence belongs to the messages, where it can be translated, searched and checked.
 */
import type { ContentProblem } from '@plimsoll/registry/pages';
import { nearestHint } from '@plimsoll/registry/pages';

export const componentNames = ['Summary', 'Section', 'Figure', 'Island', 'Cell', 'Exercise'] as const;
export type ComponentName = (typeof componentNames)[number];

export interface PageElement {
  readonly component: ComponentName;
  /** Key of its words and assets; empty for the summary, which has none. */
  readonly id: string;
  /** Line in page.mdx, from 1. */
  readonly line: number;
  readonly children: readonly PageElement[];
}

export interface PageStructure {
  /** Id of the record: `system.memory`. */
  readonly record: string;
  readonly elements: readonly PageElement[];
}

/** Sections nest once: headings are of level 2 and 3. */
const sectionDepthMax = 2;

interface OpenElement {
  readonly component: ComponentName;
  readonly id: string;
  readonly line: number;
  readonly children: PageElement[];
}

/** Returns the structure, or the problems that make it unreadable. */
export function parsePageStructure(source: { readonly file: string; readonly text: string }): {
  readonly structure?: PageStructure;
  readonly problems: readonly ContentProblem[];
} {
  const problems: ContentProblem[] = [];
  const refuse = (line: number, problem: string): void => {
    problems.push({ file: source.file, key: `line ${line}`, problem });
  };
  const head = /^---\r?\nrecord: *([^\s]+) *\r?\n---\r?\n/.exec(source.text);
  if (head === null)
    refuse(1, 'a page begins with "---", "record: <id>" and "---", and nothing else between');
  const elements = parseElements(source.text, { start: head?.[0].length ?? 0, refuse });
  for (const { line, problem } of shapeProblems(elements)) refuse(line, problem);
  const record = head?.[1];
  return record === undefined || problems.length > 0
    ? { problems }
    : { structure: { record, elements }, problems };
}

/** Every element of a structure, in reading order. */
export function allElements(elements: readonly PageElement[]): readonly PageElement[] {
  return elements.flatMap((element) => [element, ...allElements(element.children)]);
}

// A tag, or a run of anything else up to the next one.
const pieces = /<(\/?)([A-Za-z][\w.]*)((?:\s+[A-Za-z]+="[^"<>]*")*)\s*(\/?)>|<?[^<]+|</g;

function parseElements(
  text: string,
  { start, refuse }: { start: number; refuse: (line: number, problem: string) => void },
): readonly PageElement[] {
  const root: PageElement[] = [];
  const open: OpenElement[] = [];
  let line = lineCount(text.slice(0, start));
  for (const match of text.slice(start).matchAll(pieces)) {
    const [whole, closing, name, attributes = '', selfClosing] = match;
    const at = line;
    line += lineCount(whole) - 1;
    if (name === undefined) {
      const stray = whole.trim();
      const strayLine = at + lineCount(whole.slice(0, whole.length - whole.trimStart().length)) - 1;
      if (stray !== '') refuse(strayLine, `"${firstWords(stray)}" is no component: words belong to messages`);
      continue;
    }
    if (!isComponent(name)) {
      refuse(at, `"${name}" is no component${nearestHint(name, componentNames)}`);
      continue;
    }
    if (closing === '/') {
      const ended = open.pop();
      if (ended?.component !== name) refuse(at, `</${name}> closes nothing that is open`);
      continue;
    }
    const id = readId({ attributes, component: name }, (problem) => refuse(at, problem));
    const element = { component: name, id, line: at, children: [] };
    (open.at(-1)?.children ?? root).push(element);
    if (selfClosing !== '/') open.push(element);
  }
  for (const { component, line: at } of open) refuse(at, `<${component}> is not closed`);
  return root;
}

function readId(
  { attributes, component }: { readonly attributes: string; readonly component: ComponentName },
  refuse: (problem: string) => void,
): string {
  const known = component === 'Summary' ? [] : ['id'];
  const pairs = [...attributes.matchAll(/([A-Za-z]+)="([^"]*)"/g)];
  let id = '';
  for (const [, name = '', value = ''] of pairs) {
    if (!known.includes(name)) refuse(`${component} has no "${name}"${nearestHint(name, known)}`);
    else if (/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(value)) id = value;
    else refuse(`id "${value}" is not kebab case`);
  }
  if (known.length > 0 && !pairs.some(([, name]) => name === 'id')) refuse(`${component} needs an id`);
  return id;
}

/** Rules of the whole tree: one summary at the start, sections that nest once, ids that mean one thing. */
function shapeProblems(
  elements: readonly PageElement[],
): readonly { readonly line: number; readonly problem: string }[] {
  const problems: { line: number; problem: string }[] = [];
  const all = allElements(elements);
  const summaries = all.filter(({ component }) => component === 'Summary');
  if (summaries.length !== 1 || elements[0]?.component !== 'Summary') {
    problems.push({ line: summaries[1]?.line ?? 1, problem: 'a page has one <Summary />, before all else' });
  }
  if (!elements.some(({ component }) => component === 'Section')) {
    problems.push({ line: 1, problem: 'a page has a <Section>' });
  }
  const seen = new Set<string>();
  for (const { component, id, line } of all) {
    // Sections and exercises are anchors of one document; the others are told apart by their component.
    const name = `${component} ${id}`;
    if (seen.has(name)) problems.push({ line, problem: `${component} "${id}" is on the page twice` });
    seen.add(name);
  }
  const visit = (element: PageElement, depth: number): void => {
    const { component, line, children } = element;
    if (component !== 'Section' && children.length > 0) {
      problems.push({ line, problem: `only a Section holds others: write <${component} … />` });
    }
    if (component === 'Section' && depth > sectionDepthMax) {
      problems.push({ line, problem: `sections nest ${sectionDepthMax} deep at most` });
    }
    for (const child of children) visit(child, depth + 1);
  };
  for (const element of elements) visit(element, 1);
  return problems;
}

function isComponent(name: string): name is ComponentName {
  return (componentNames as readonly string[]).includes(name);
}

function lineCount(text: string): number {
  return text.split('\n').length;
}

function firstWords(text: string): string {
  const [line = ''] = text.split('\n');
  return line.length <= 40 ? line : `${line.slice(0, 39)}…`;
}
