/**
 * The syntactic facts that the checks need about each source file: its imports and the lengths of its functions.
 * TypeScript's own parser finds them, so that a comment or a string never looks like an import.
 *
 * TypeScript 7 offers its parser under `typescript/unstable/*`, as a process that returns syntax trees. Only this file
 * and module-syntax.ts use that interface, so a change of it affects no other file. The parser gets the sources as a
 * project in memory without libraries and without module resolution, so it checks no types and reads no other file.
 */

import { defined } from '@plimsoll/foundation';
import {
  isCallExpression,
  isFunctionLikeDeclaration,
  isImportDeclaration,
  isNoSubstitutionTemplateLiteral,
  isStringLiteral,
  isTemplateLiteral,
  type Node,
  type NoSubstitutionTemplateLiteral,
  type SourceFile,
  type StringLiteral,
  SyntaxKind,
} from 'typescript/unstable/ast';
import { API } from 'typescript/unstable/async';
import { createVirtualFileSystem } from 'typescript/unstable/fs';
import { exportsOf, importOf } from './module-syntax.ts';
import type { Project } from './project.ts';

export interface ImportFact {
  readonly specifier: string;
  /** Names in the imported module; `*` for all names. */
  readonly names: readonly string[];
  /** 1-based. */
  readonly line: number;
  /** True if the import disappears with the types, so that it loads no module at run time. */
  readonly typeOnly: boolean;
}

export interface FunctionFact {
  /** The function's own name, or the name of its variable or of the call that takes it; otherwise `(anonymous)`. */
  readonly name: string;
  /** 1-based line of the first word. */
  readonly line: number;
  /** Lines from the first word to the closing brace, without the inner lines of template literals, which are text. */
  readonly lineCount: number;
  /** Number of parameters without a `this` type. */
  readonly parameterCount: number;
  /** True for a function that is passed to `describe`: a list of tests, which need not be short. */
  readonly isTestSuite: boolean;
}

/** A string literal outside imports. */
export interface TextFact {
  readonly text: string;
  /** 1-based. */
  readonly line: number;
}

export interface SourceFacts {
  readonly path: string;
  /** Names that the file exports; `*` for all names of another file. */
  readonly exports: readonly string[];
  readonly texts: readonly TextFact[];
  readonly imports: readonly ImportFact[];
  readonly functions: readonly FunctionFact[];
}

const sourceNames = /\.(?:tsx?|mts|m?js)$/;
/** Memo for several checks that read the same sources; a project does not change during a check. */
const factsOfProject = new WeakMap<Project, Promise<readonly SourceFacts[]>>();

/** Returns the facts of every TypeScript and JavaScript file of the project, in the order of its paths. */
export function sourceFacts(project: Project): Promise<readonly SourceFacts[]> {
  const known = factsOfProject.get(project);
  if (known !== undefined) return known;
  const facts = parseSources(project);
  factsOfProject.set(project, facts);
  return facts;
}

async function parseSources(project: Project): Promise<readonly SourceFacts[]> {
  const paths = project.paths.filter((path) => sourceNames.test(path));
  if (paths.length === 0) return [];
  const configPath = '/sources/tsconfig.json';
  const config = {
    compilerOptions: { noLib: true, noResolve: true, types: [], noEmit: true, allowJs: true },
    files: paths,
  };
  const files: Record<string, string> = { [configPath]: JSON.stringify(config) };
  for (const path of paths) files[`/sources/${path}`] = project.read(path);
  const parser = new API({ cwd: '/', fs: createVirtualFileSystem(files) });
  try {
    const snapshot = await parser.updateSnapshot({ openProjects: [configPath] });
    const { program } = defined(snapshot.getProject(configPath), 'the parser opened no project');
    const facts: SourceFacts[] = [];
    for (const path of paths) {
      const file = defined(await program.getSourceFile(`/sources/${path}`), `the parser has no ${path}`);
      facts.push(readFacts(path, file));
    }
    return facts;
  } finally {
    await parser.close();
  }
}

function readFacts(path: string, file: SourceFile): SourceFacts {
  const imports: ImportFact[] = [];
  const functions: FunctionFact[] = [];
  const texts: TextFact[] = [];
  const parents: Node[] = [];
  const lines = lineStarts(file.text);
  const textLines: number[] = []; // lines that lie inside template literals, without their first
  // Parents are visited after their children, so that `textLines` is complete when a function is measured.
  const visit = (node: Node, parent: Node): void => {
    const textLinesBefore = textLines.length;
    parents.push(node);
    node.forEachChild((child) => visit(child, node));
    parents.pop();
    const line = lineAt(lines, node.getStart(file));
    const lastLine = lineAt(lines, node.getEnd());
    if (isTemplateLiteral(node)) {
      // A template inside a template has already counted its own lines.
      const inner = textLines.length - textLinesBefore;
      for (let index = inner; index < lastLine - line; index++) textLines.push(line);
    }
    const found = importOf(node, parents);
    if (found !== undefined) imports.push({ ...found, line });
    if (isText(node) && !isImportDeclaration(parent)) texts.push({ text: node.text, line });
    if (isFunctionLikeDeclaration(node) && 'body' in node && node.body !== undefined) {
      functions.push({
        ...describeFunction(node, parent),
        line,
        lineCount: lastLine - line + 1 - (textLines.length - textLinesBefore),
        parameterCount: node.parameters.filter((parameter) => parameter.name.getText(file) !== 'this').length,
      });
    }
  };
  const exports: string[] = [];
  file.forEachChild((child) => {
    visit(child, file);
    exports.push(...exportsOf(child));
  });
  return { path, imports, exports, texts, functions: functions.sort((a, b) => a.line - b.line) };
}

function isText(node: Node): node is StringLiteral | NoSubstitutionTemplateLiteral {
  return isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node);
}

/** Names a function: by its own name, by the variable that holds it, or by the call that takes it. */
function describeFunction(node: Node, parent: Node): { name: string; isTestSuite: boolean } {
  if (node.kind === SyntaxKind.Constructor) return { name: 'constructor', isTestSuite: false };
  if (isCallExpression(parent)) {
    const callee = parent.expression.getText();
    return { name: `function passed to ${callee}`, isTestSuite: /^describe\b/.test(callee) };
  }
  return { name: declaredName(node) ?? declaredName(parent) ?? '(anonymous)', isTestSuite: false };
}

function declaredName(node: Node): string | undefined {
  return 'name' in node && isNode(node.name) ? node.name.getText() : undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'getText' in value;
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let index = text.indexOf('\n'); index !== -1; index = text.indexOf('\n', index + 1))
    starts.push(index + 1);
  return starts;
}

/** Finds the 1-based line of an offset by bisection: the last line that starts at or before it. */
function lineAt(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length; // the line is in [low, high)
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (defined(starts[middle], 'line inside the file') <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}
