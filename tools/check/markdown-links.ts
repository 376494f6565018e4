/**
 * Every link from a Markdown file of the repository to a file or a heading must resolve. Web links are not followed,
 * because checks run without a network.
 */
import { posix } from 'node:path';
import type { Check, Project } from './project.ts';

export const markdownLinks: Check = {
  name: 'markdown links',
  run: (project) => {
    const places = new Set(project.paths.flatMap((path) => [path, ...foldersOf(path)]));
    return project.paths.filter(isMarkdown).flatMap((path) =>
      linksIn(project.read(path)).flatMap(({ target, line }) => {
        const problem = linkProblem({ project, places }, path, target);
        return problem === undefined ? [] : `${path}:${line} ${target} ${problem}`;
      }),
    );
  },
};

interface Link {
  readonly target: string;
  /** 1-based. */
  readonly line: number;
}

/** Blanked before links are looked for: a link inside is an example. */
const inlineCode = /(`+)[^`].*?\1/g;

function isMarkdown(path: string): boolean {
  return /\.mdx?$/.test(path);
}

/** `a/b/c.md` -> `a`, `a/b`, and the root, which is `.`. */
function foldersOf(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return ['.', ...parts.map((_, index) => parts.slice(0, index + 1).join('/'))];
}

/** Inline links and images, reference definitions, and the links of embedded HTML. */
function linksIn(text: string): readonly Link[] {
  const patterns = [
    /\]\(\s*<?([^)\s>]+)>?(?:\s+["'(][^)]*)?\s*\)/g,
    /^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)>?/g,
    /\b(?:href|src)=["']([^"']+)["']/g,
  ];
  return linesOutsideCode(text).flatMap(({ content, line }) =>
    patterns.flatMap((pattern) =>
      [...content.replaceAll(inlineCode, '').matchAll(pattern)].map(([, target = '']) => ({ target, line })),
    ),
  );
}

/** The lines of a text that are not in a fenced block: links and headings in there are examples. */
function linesOutsideCode(text: string): readonly { content: string; line: number }[] {
  const lines: { content: string; line: number }[] = [];
  let fence: string | undefined;
  for (const [index, content] of text.split('\n').entries()) {
    const marker = /^\s*(`{3,}|~{3,})/.exec(content)?.[1];
    if (fence !== undefined) {
      if (marker?.startsWith(fence)) fence = undefined;
    } else if (marker !== undefined) {
      fence = marker;
    } else {
      lines.push({ content, line: index + 1 });
    }
  }
  return lines;
}

function linkProblem(
  { project, places }: { project: Project; places: ReadonlySet<string> },
  path: string,
  target: string,
): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return undefined;
  const [file = '', anchor] = decodeURI(target).split('#', 2);
  // As on the pages that render the repository, a leading slash means its root.
  const joined = file.startsWith('/') ? file.slice(1) : posix.join(posix.dirname(path), file);
  const resolved = file === '' ? path : posix.normalize(joined || '.').replace(/\/$/, '');
  if (!places.has(resolved)) return 'leads to no file of the repository';
  if (anchor === undefined || !isMarkdown(resolved)) return undefined;
  return anchorsOf(project.read(resolved)).has(anchor) ? undefined : `names no heading of ${resolved}`;
}

/**
 * The anchors that GitHub gives to headings: lower case, without punctuation, spaces as hyphens, and `-1`, `-2` for
 * the second and third of the same text. Anchors written as HTML ids count too.
 */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  const seen = new Map<string, number>();
  for (const { content } of linesOutsideCode(text)) {
    for (const [, id = ''] of content.matchAll(/\b(?:id|name)=["']([^"']+)["']/g)) anchors.add(id);
    const heading = /^ {0,3}#{1,6}\s+(.*?)(?:\s+#+)?\s*$/.exec(content)?.[1];
    if (heading === undefined) continue;
    const label = heading.replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1');
    const slug = label
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(slug) ?? 0;
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
    seen.set(slug, count + 1);
  }
  return anchors;
}
