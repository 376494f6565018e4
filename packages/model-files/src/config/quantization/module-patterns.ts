/**
 * Resolves a list of names and patterns to modules. Files write four forms: whole names, parts of names ("gate",
 * "mlp.gate"), wildcards ("model.layers.0.self_attn*") and regular expressions after "re:". Names also differ in the
 * prefix of the layers ("model.layers", "model.language_model.layers"), so the reader tests a module under each prefix.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { compileExpression, compileWildcard, type TextPattern } from './text-pattern.ts';

export interface ModuleName {
  /**
   * `layers.3.self_attn.q_proj`, or a name of the whole model such as `lm_head`; and alternative names of the same
   * module.
   */
  readonly paths: readonly string[];
  /** True for a layer that differs from most layers of an expert model: a dense layer or a prediction layer. */
  readonly isOddLayer: boolean;
}

export interface ModulePatterns {
  /** The list as the file has it. */
  readonly written: readonly string[];
  readonly matches: (module: ModuleName) => boolean;
  /** True if the answer can differ between equal layers. */
  readonly dependsOnLayer: boolean;
  /** Cost of one match, in characters of patterns that the matcher simulates. */
  readonly cost: number;
  /** Patterns with unsupported syntax. */
  readonly notRead: readonly string[];
}

/** Longest list of patterns. Block-wise fp8 files have up to 700 entries, mixed files up to a few thousand. */
const patternsMax = 20_000;

const roots = [
  '',
  'model.',
  'model.language_model.',
  'language_model.model.',
  'language_model.',
  'transformer.',
];

export function compilePatterns(written: readonly string[]): ModulePatterns {
  if (written.length > patternsMax) throw tooMany(written.length);
  const { patterns, isAbridged } = unabridged(written);
  const names = new Set<string>();
  const prefixes: string[] = [];
  const tests: TextPattern[] = [];
  const notRead: string[] = [];
  let cost = 0;
  let wholeOddLayers = false;
  for (const pattern of patterns) {
    if (/(^|\.)layers\.N(\.?\*)?$/.test(pattern)) wholeOddLayers = true;
    else if (/^[^*]*\*$/.test(pattern) && !pattern.startsWith('re:')) prefixes.push(pattern.slice(0, -1));
    else if (/^re:|\*/.test(pattern)) {
      const compiled = compileTest(pattern);
      if (compiled === null) notRead.push(pattern);
      else tests.push(compiled);
      cost += pattern.length;
    } else names.add(withoutRoot(pattern));
  }
  cost += prefixes.length;
  const isCovered = (full: string): boolean =>
    prefixes.some((prefix) => full.startsWith(prefix)) || tests.some((test) => test(full));
  const matches = (module: ModuleName): boolean =>
    (wholeOddLayers && module.isOddLayer) ||
    module.paths.some((path) => hasPart(names, path) || roots.some((root) => isCovered(root + path)));
  const dependsOnLayer = !isAbridged && patterns.some((pattern) => /\d/.test(pattern));
  return { written, matches, dependsOnLayer, cost, notRead };
}

/**
 * Expands long lists that are published in short: "... 283 in all" after the first few, or one line with N for the
 * layer number. In the first form, the entries of one layer apply to all layers.
 */
function unabridged(written: readonly string[]): { patterns: readonly string[]; isAbridged: boolean } {
  const isAbridged = written.some((pattern) => pattern.startsWith('...'));
  const patterns = written
    .filter((pattern) => !pattern.startsWith('...'))
    .map((pattern) => (isAbridged ? pattern.replace(/(^|\.)layers\.\d+\./, '$1layers.N.') : pattern))
    .map((pattern) => pattern.replace(/^mtp\.layers\.N/, 'mtp.layers.'))
    .map((pattern) => pattern.replace(/(^|\.)layers\.N\.(?=[^*])/, '$1layers.*.'));
  return { patterns, isAbridged };
}

function compileTest(pattern: string): TextPattern | null {
  if (pattern.startsWith('re:')) return compileExpression(pattern.slice(3));
  // A wildcard that names a module also covers everything inside the module.
  const exact = compileWildcard(pattern);
  const inside = compileWildcard(`${pattern}.*`);
  return exact === null || inside === null ? null : (text) => exact(text) || inside(text);
}

function withoutRoot(name: string): string {
  const root = roots.find((candidate) => candidate !== '' && name.startsWith(`${candidate}layers.`));
  return root === undefined ? name : name.slice(root.length);
}

/** True if the set has any sequence of whole parts of a dotted name: "mlp.gate" is a part of "layers.0.mlp.gate". */
function hasPart(names: ReadonlySet<string>, path: string): boolean {
  if (names.size === 0) return false;
  const parts = path.split('.');
  for (let start = 0; start < parts.length; start++) {
    let run = '';
    for (let end = start; end < parts.length; end++) {
      run = end === start ? (parts[end] ?? '') : `${run}.${parts[end]}`;
      if (names.has(run)) return true;
    }
  }
  return false;
}

function tooMany(count: number): PlimsollError {
  return new PlimsollError({
    code: 'bad-config',
    message: `quantization_config lists ${count} module patterns`,
    value: count,
    limit: patternsMax,
    hint: 'check the list of modules that are not quantised',
  });
}
