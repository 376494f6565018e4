/**
 * Converts an .astro file to TypeScript that tsc can check: the frontmatter becomes the body of a function, the
 * template its return value. `astro check` does the same with TypeScript's programmatic interface, which TypeScript 7
 * lacks (@astrojs/check 0.9.10 needs TypeScript 5 or 6). This file replaces the needed part until then.
 *
 * No text moves to another line: insertions go to existing lines, and removed text leaves its line ends. So the line
 * that tsc names is the line of the .astro file.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { assert, PlimsollError } from '@plimsoll/foundation';

/** The parts of Astro's syntax tree that this file reads: ESTree with JSX, offsets in UTF-16 units. */
interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

interface SyntaxTree {
  /** Empty, from 0 to 0, if the file has no frontmatter. */
  readonly frontmatter: SyntaxNode & { readonly program: { readonly body: readonly SyntaxNode[] } };
  readonly body: readonly SyntaxNode[];
}

interface AstroParser {
  parseAstroSync(source: string): {
    readonly ast: string;
    readonly diagnostics: readonly { readonly text: string }[];
  };
}

export interface AstroModule {
  /** Source of the .tsx file. */
  readonly component: string;
  /** Sources of its `<script>` elements, each a module on the lines that it has in the file. */
  readonly scripts: readonly string[];
}

/** Loads the parser that the installed Astro depends on. */
export async function loadAstroParser(root: string): Promise<AstroParser> {
  const astro = createRequire(`${root}/`).resolve('astro/package.json');
  const path = createRequire(astro).resolve('@astrojs/compiler-binding');
  const { parseAstroSync } = (await import(pathToFileURL(path).href)) as AstroParser;
  return { parseAstroSync };
}

/** Reports a file that Astro's parser refuses, or that imports after other statements. */
export function astroModule(parser: AstroParser, path: string, source: string): AstroModule {
  const { ast, diagnostics } = parser.parseAstroSync(source);
  const [refusal] = diagnostics;
  if (refusal !== undefined) throw unreadable(path, refusal.text);
  const tree = JSON.parse(ast) as SyntaxTree;
  const edits = new Edits(source);
  const scripts: string[] = [];
  for (const node of nodesOf(tree.body)) editTemplate(node, source, edits, scripts);
  wrapInFunction(tree, { path, source, edits });
  return { component: edits.apply(), scripts };
}

/** Statements that belong at a module's top, and types, which declare the props. */
const moduleLevel = /^(?:Import|Export|TSInterface|TSTypeAlias)/;

function wrapInFunction(
  { frontmatter }: SyntaxTree,
  { path, source, edits }: { readonly path: string; readonly source: string; readonly edits: Edits },
): void {
  const statements = frontmatter.program.body;
  const first = statements.findIndex(({ type }) => !moduleLevel.test(type));
  const inside = first < 0 ? [] : statements.slice(first);
  const late = inside.find(({ type }) => /^(?:Import|Export)/.test(type));
  if (late !== undefined) {
    const line = source.slice(0, late.start).split('\n').length;
    throw unreadable(path, `line ${line} imports or exports after other statements`);
  }
  const texts = statements.map(({ start, end }) => source.slice(start, end));
  let props = '{}';
  if (texts.some((text) => /^export .*\bgetStaticPaths\b/.test(text))) {
    props = "import('astro').InferGetStaticPropsType<typeof getStaticPaths>";
  }
  if (texts.some((text) => /^(?:interface|type) Props\b/.test(text))) props = 'Props';
  const pragma = '/** @jsxImportSource astro */';
  const opening = `export async function render$(Astro: Readonly<import('astro').AstroGlobal<${props}>>) { void Astro; `;
  if (frontmatter.end === 0) edits.replace(0, 0, `${pragma} ${opening}return (<>`);
  else {
    const fenceStart = source.indexOf('---', frontmatter.start);
    const fenceEnd = frontmatter.end - 3;
    edits.replace(fenceStart, fenceStart + 3, pragma);
    edits.replace(inside[0]?.start ?? fenceEnd, inside[0]?.start ?? fenceEnd, opening);
    edits.replace(fenceEnd, frontmatter.end, '; return (<>');
  }
  edits.replace(
    source.length,
    source.length,
    `</>); } export default function component$(_props: ${props}): unknown { return render$; }\n`,
  );
}

/** Syntax that Astro's templates allow and TSX does not. */
function editTemplate(node: SyntaxNode, source: string, edits: Edits, scripts: string[]): void {
  const text = source.slice(node.start, node.end);
  if (node.type === 'AstroDoctype' || node.type === 'AstroComment') edits.blank(node.start, node.end);
  // A character that would close something in TSX carries no type, so it is replaced.
  if (node.type === 'JSXText') edits.replace(node.start, node.end, text.replaceAll(/[>}]/g, ' '));
  if (node.type === 'AstroScript' || /^<(?:script|style)\b/.test(text)) {
    const [opening = ''] = /^<[^>]*>/.exec(text) ?? [];
    const content = text.slice(opening.length).replace(/<\/\w+>$/, '');
    const start = node.start + opening.length;
    edits.blank(start, start + content.length);
    const isModule = opening === '<script>';
    if (isModule) scripts.push(`${linesOnly(source.slice(0, start))}${content}\nexport {};\n`);
  }
  if (node.type === 'JSXOpeningElement' && node.selfClosing === true && !text.endsWith('/>')) {
    edits.replace(node.end - 1, node.end, '/>');
  }
  if (node.type === 'JSXAttribute' && text.startsWith('{')) {
    edits.replace(node.start, node.start, `${text.slice(1, -1).trim()}=`);
  }
  const value = node.type === 'JSXAttribute' ? (node.value as SyntaxNode | null) : null;
  if (value !== null && value.start !== node.start && source[value.start] === '`') {
    edits.replace(value.start, value.start, '{');
    edits.replace(value.end, value.end, '}');
  }
}

/** All nodes of a template, including those of its expressions; an element whose text is no template is skipped. */
function* nodesOf(value: unknown): Generator<SyntaxNode> {
  if (Array.isArray(value)) for (const item of value) yield* nodesOf(item);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  const node = value as SyntaxNode;
  if (typeof node.type === 'string') yield node;
  const element = node.openingElement as { readonly name?: { readonly name?: unknown } } | undefined;
  const isText = element?.name?.name === 'script' || element?.name?.name === 'style';
  if (node.type === 'AstroScript' || isText) return;
  for (const part of Object.values(node)) yield* nodesOf(part);
}

/** Applies replacements that do not overlap in one pass, so that offsets refer to the original text. */
class Edits {
  readonly #source: string;
  readonly #edits: { readonly start: number; readonly end: number; readonly text: string }[] = [];

  constructor(source: string) {
    this.#source = source;
  }

  replace(start: number, end: number, text: string): void {
    this.#edits.push({ start, end, text });
  }

  blank(start: number, end: number): void {
    this.replace(start, end, linesOnly(this.#source.slice(start, end)));
  }

  apply(): string {
    let at = 0;
    let result = '';
    // An insertion at an offset comes before a replacement that starts there.
    for (const { start, end, text } of this.#edits.toSorted(
      (left, right) => left.start - right.start || left.end - right.end,
    )) {
      assert(start >= at, 'edits do not overlap');
      result += this.#source.slice(at, start) + text;
      at = end;
    }
    return result + this.#source.slice(at);
  }
}

function linesOnly(text: string): string {
  return text.replaceAll(/[^\n]/g, '');
}

function unreadable(path: string, reason: string): PlimsollError {
  return new PlimsollError({
    code: 'unreadable-component',
    message: `${path} cannot be read as an Astro component: ${reason}`,
    value: path,
    limit: "a file that Astro's parser accepts, with imports and exports before other statements",
    hint: `mend ${path}`,
  });
}
