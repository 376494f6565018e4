/**
 * Checks that every link from a Markdown file of the repository to a file or a heading resolves. It follows no web
 * links, because checks run without a network.
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

/** Inline code is blanked before the search for links, because a link inside code is an example. */
const inlineCode = /(`+)[^`].*?\1/g;

function isMarkdown(path: string): boolean {
  return /\.mdx?$/.test(path);
}

/** Returns the folders of a path: `a/b/c.md` gives `a`, `a/b`, and the root, which is `.`. */
function foldersOf(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return ['.', ...parts.map((_, index) => parts.slice(0, index + 1).join('/'))];
}

/** Finds inline links and images, reference definitions, and the links of embedded HTML. */
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

/** Returns the lines of a text outside fenced blocks, because links and headings in a block are examples. */
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
  // A leading slash means the root of the repository, as on the web pages that render the file.
  const joined = file.startsWith('/') ? file.slice(1) : posix.join(posix.dirname(path), file);
  const resolved = file === '' ? path : posix.normalize(joined || '.').replace(/\/$/, '');
  if (!places.has(resolved)) return 'leads to no file of the repository';
  if (anchor === undefined || !isMarkdown(resolved)) return undefined;
  return anchorsOf(project.read(resolved)).has(anchor) ? undefined : `names no heading of ${resolved}`;
}

/**
 * Returns the anchors that GitHub gives to headings: lower case, without punctuation, spaces as hyphens, and `-1`, `-2`
 * for the second and third heading with the same text. HTML ids count too.
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
