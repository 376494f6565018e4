/**
 * Patterns of module names: the wildcards of ModelOpt and the regular expressions of compressed-tensors, GPTQ and
 * AutoRound. They come from a file, and JavaScript's RegExp backtracks, so that "(a+)+$" would hang. This matcher is
 * Thompson's simulation ("Regular expression search algorithm", 1968): one pass over the text with all states at once;
 * it caches sets of states. For unsupported syntax (look-around, back-references, counted repetition) compiling returns
 * null.
 */
type CharTest = (char: string) => boolean;

type Instruction =
  | { readonly op: 'char'; readonly test: CharTest }
  | { readonly op: 'split'; readonly to: readonly number[] }
  | { readonly op: 'start' | 'end' | 'match' };

export type TextPattern = (text: string) => boolean;

type Node =
  | { readonly kind: 'char'; readonly test: CharTest; readonly only?: string }
  | { readonly kind: 'edge'; readonly at: 'start' | 'end' }
  | { readonly kind: 'sequence'; readonly parts: readonly Node[] }
  | { readonly kind: 'choice'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly atLeastOnce: boolean; readonly many: boolean };

/** Maximum nesting of groups; module patterns use one or two levels. */
const depthMax = 20;
/** Maximum length of a pattern; real patterns stay below 200 characters. */
const lengthMax = 500;

const any: CharTest = () => true;

/**
 * Compiles a regular expression that matches from the start of the text, like Python's `re.match`. Null if it is
 * unsupported.
 */
export function compileExpression(source: string): TextPattern | null {
  if (source.length > lengthMax) return null;
  const node = parseChoice({ source, position: 0 }, 0);
  if (node === null) return null;
  const needed = longestLiteral(node);
  const matches = simulate(program(node));
  // Most texts lack the literal, and this test is a hundred times cheaper than the simulation.
  return (text) => text.includes(needed) && matches(text);
}

/** Returns the longest text that every match contains; searches only plain sequences. */
function longestLiteral(node: Node): string {
  const [only, ...others] = node.kind === 'choice' ? node.parts : [];
  if (only === undefined || others.length > 0 || only.kind !== 'sequence') return '';
  let longest = '';
  let run = '';
  for (const part of only.parts) {
    run = part.kind === 'char' && part.only !== undefined ? run + part.only : '';
    if (run.length > longest.length) longest = run;
  }
  return longest;
}

/** Compiles a wildcard: `*` matches any text, other characters match themselves; the whole text has to match. */
export function compileWildcard(source: string): TextPattern | null {
  if (source.length > lengthMax) return null;
  const [head = '', ...rest] = source.split('*');
  const tail = rest.pop();
  if (tail === undefined) return (text) => text === source;
  return (text) => {
    if (!text.startsWith(head) || !text.endsWith(tail)) return false;
    let position = head.length;
    // Matching each piece as early as possible leaves the most room for the next piece.
    for (const piece of rest) {
      const found = text.indexOf(piece, position);
      if (found < 0) return false;
      position = found + piece.length;
    }
    return position <= text.length - tail.length;
  };
}

interface Cursor {
  readonly source: string;
  position: number;
}

function literal(char: string): Node {
  return { kind: 'char', test: (seen) => seen === char, only: char };
}

function parseChoice(cursor: Cursor, depth: number): Node | null {
  if (depth > depthMax) return null;
  const parts: Node[] = [];
  for (;;) {
    const sequence = parseSequence(cursor, depth);
    if (sequence === null) return null;
    parts.push(sequence);
    if (cursor.source[cursor.position] !== '|') break;
    cursor.position++;
  }
  const isAtEnd = cursor.position === cursor.source.length;
  if (depth === 0 && !isAtEnd) return null;
  return { kind: 'choice', parts };
}

function parseSequence(cursor: Cursor, depth: number): Node | null {
  const parts: Node[] = [];
  for (;;) {
    const char = cursor.source[cursor.position];
    if (char === undefined || char === '|' || char === ')') return { kind: 'sequence', parts };
    const atom = parseAtom(cursor, depth);
    if (atom === null) return null;
    parts.push(parseRepeats(cursor, atom));
    // The next character would begin a count such as {2,3}, which is unsupported.
    if (cursor.source[cursor.position] === '{') return null;
  }
}

function parseRepeats(cursor: Cursor, atom: Node): Node {
  const sign = cursor.source[cursor.position];
  if (sign !== '*' && sign !== '+' && sign !== '?') return atom;
  cursor.position++;
  // A lazy repeat matches the same texts.
  if (cursor.source[cursor.position] === '?') cursor.position++;
  return { kind: 'repeat', part: atom, atLeastOnce: sign === '+', many: sign !== '?' };
}

function parseAtom(cursor: Cursor, depth: number): Node | null {
  const char = cursor.source[cursor.position++] ?? '';
  if (char === '^') return { kind: 'edge', at: 'start' };
  if (char === '$') return { kind: 'edge', at: 'end' };
  if (char === '.') return { kind: 'char', test: any };
  if (char === '(') return parseGroup(cursor, depth);
  if (char === '[') return parseClass(cursor);
  if (char === '\\') {
    const next = cursor.source[cursor.position++] ?? '';
    const test = escaped(next);
    if (test === null) return null;
    return /\w/.test(next) ? { kind: 'char', test } : literal(next);
  }
  return '*+?{'.includes(char) ? null : literal(char);
}

function parseGroup(cursor: Cursor, depth: number): Node | null {
  if (cursor.source[cursor.position] === '?') {
    if (cursor.source[cursor.position + 1] !== ':') return null;
    cursor.position += 2;
  }
  const node = parseChoice(cursor, depth + 1);
  if (node === null || cursor.source[cursor.position] !== ')') return null;
  cursor.position++;
  return node;
}

function escaped(char: string): CharTest | null {
  if (char === 'd') return (seen) => seen >= '0' && seen <= '9';
  if (char === 'w') return (seen) => /^\w$/.test(seen);
  return /^[a-z0-9]?$/i.test(char) ? null : (seen) => seen === char;
}

function parseClass(cursor: Cursor): Node | null {
  const end = cursor.source.indexOf(']', cursor.position + 1);
  if (end < 0) return null;
  const body = cursor.source.slice(cursor.position, end);
  cursor.position = end + 1;
  const isNegated = body.startsWith('^');
  const tests: CharTest[] = [];
  for (let index = isNegated ? 1 : 0; index < body.length; index++) {
    const low = body[index] ?? '';
    const high = body[index + 2];
    if (low === '\\') {
      const test = escaped(body[++index] ?? '');
      if (test === null) return null;
      tests.push(test);
    } else if (body[index + 1] === '-' && high !== undefined) {
      tests.push((seen) => seen >= low && seen <= high);
      index += 2;
    } else tests.push((seen) => seen === low);
  }
  return { kind: 'char', test: (seen) => tests.some((test) => test(seen)) !== isNegated };
}

function program(node: Node): readonly Instruction[] {
  const code: Instruction[] = [];
  emit(node, code);
  code.push({ op: 'match' });
  return code;
}

function emit(node: Node, code: Instruction[]): void {
  if (node.kind === 'char') code.push({ op: 'char', test: node.test });
  else if (node.kind === 'edge') code.push({ op: node.at });
  else if (node.kind === 'sequence') for (const part of node.parts) emit(part, code);
  else if (node.kind === 'choice') emitChoice(node.parts, code);
  else emitRepeat(node, code);
}

function emitChoice(parts: readonly Node[], code: Instruction[]): void {
  const fork = code.length;
  code.push({ op: 'split', to: [] });
  const starts: number[] = [];
  const jumps: number[] = [];
  for (const part of parts) {
    starts.push(code.length);
    emit(part, code);
    jumps.push(code.length);
    code.push({ op: 'split', to: [] });
  }
  code[fork] = { op: 'split', to: starts };
  for (const jump of jumps) code[jump] = { op: 'split', to: [code.length] };
}

function emitRepeat(node: Extract<Node, { kind: 'repeat' }>, code: Instruction[]): void {
  const fork = code.length;
  if (!node.atLeastOnce) code.push({ op: 'split', to: [] });
  const body = code.length;
  emit(node.part, code);
  if (node.many) code.push({ op: 'split', to: [body, code.length + 1] });
  if (!node.atLeastOnce) code[fork] = { op: 'split', to: [body, code.length] };
}

/**
 * The possible states of the program after some text, with the transitions found so far; equal stages are one object.
 */
interface Stage {
  /** Instructions that wait for a character if the text continues. */
  readonly waiting: readonly number[];
  readonly matched: boolean;
  /** True if the pattern matches when the text ends here. */
  readonly matchedAtEnd: boolean;
  readonly next: Map<string, Stage>;
}

/**
 * Maximum number of cached stages per pattern. Module names share most stages; a hostile pattern with many restarts the
 * cache.
 */
const stagesMax = 2000;

function simulate(code: readonly Instruction[]): TextPattern {
  const stages = new Map<string, Stage>();
  const stageOf = (from: readonly number[], isStart: boolean): Stage => {
    const { states: waiting, matched } = reach(code, from, { isStart, isEnd: false });
    const matchedAtEnd = matched || reach(code, from, { isStart, isEnd: true }).matched;
    const key = `${waiting.join()} ${matched} ${matchedAtEnd}`;
    const known = stages.get(key);
    if (known !== undefined) return known;
    const stage: Stage = { waiting, matched, matchedAtEnd, next: new Map() };
    stages.set(key, stage);
    return stage;
  };
  const advance = (stage: Stage, char: string): Stage => {
    const known = stage.next.get(char);
    if (known !== undefined) return known;
    const from = stage.waiting.filter((at) => {
      const instruction = code[at];
      return instruction?.op === 'char' && instruction.test(char);
    });
    const next = stageOf(
      from.map((at) => at + 1),
      false,
    );
    stage.next.set(char, next);
    return next;
  };
  let first: Stage | undefined;
  return (text) => {
    if (stages.size > stagesMax) {
      stages.clear();
      first = undefined;
    }
    first ??= stageOf([0], true);
    let stage = first;
    for (const char of text) {
      if (stage.matched) return true;
      if (stage.waiting.length === 0) return false;
      stage = advance(stage, char);
    }
    return stage.matchedAtEnd;
  };
}

interface Position {
  readonly isStart: boolean;
  readonly isEnd: boolean;
}

/**
 * Follows all instructions that read no character. Returns the states that wait for a character, and whether the
 * program ends.
 */
function reach(
  code: readonly Instruction[],
  from: readonly number[],
  position: Position,
): { readonly states: readonly number[]; readonly matched: boolean } {
  const seen = new Set<number>(from);
  const states: number[] = [];
  let matched = false;
  // A Set iterates in insertion order and includes elements that the loop adds.
  for (const state of seen) {
    const instruction = code[state];
    if (instruction === undefined) continue;
    if (instruction.op === 'char') states.push(state);
    else if (instruction.op === 'match') matched = true;
    else if (instruction.op === 'split') for (const target of instruction.to) seen.add(target);
    else if (instruction.op === 'start' ? position.isStart : position.isEnd) seen.add(state + 1);
  }
  return { states, matched };
}
