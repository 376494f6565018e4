/**
 * The rules as one network of nodes: a byte leads from node to node, some moves need no byte, and a call enters another
 * rule and comes back. A stack of return nodes makes it a pushdown automaton, so grammars may be recursive.
 *
 * Everything is built from its end to its start, so that a node's successors mostly have smaller numbers; distances to
 * the end then settle in one or two sweeps.
 */
import { assert, defined, PlimsollError } from '@plimsoll/foundation';
import { type Expression, type GrammarRules, normaliseRanges } from './expression.ts';
import { utf8Sequences } from './utf8-ranges.ts';

export interface ByteMove {
  readonly low: number;
  readonly high: number;
  readonly target: number;
}

export interface Call {
  readonly rule: number;
  readonly returnNode: number;
}

export interface NetworkNode {
  readonly byteMoves: readonly ByteMove[];
  readonly freeMoves: readonly number[];
  readonly calls: readonly Call[];
}

export interface Network {
  readonly nodes: readonly NetworkNode[];
  /** First node of each rule. */
  readonly starts: readonly number[];
  readonly ruleNames: readonly string[];
  readonly root: number;
}

/** The end of every rule: from here the stack says where to go on. */
export const END_NODE = 0;

/** A schema of a hundred pages needs fewer. This many take about 40 MB. */
const NODES_MAX = 250_000;
/** Expressions entered: a body that adds no state can still be repeated 2^40 times. */
const ENTERED_MAX = 1_000_000;
/** Repetitions with more copies than this call their body instead of copying it. */
const COPIED_REPEATS_MAX = 2;

/** Most nodes have moves of one kind; the lists of the others are shared. */
const noMoves: NetworkNode = { byteMoves: [], freeMoves: [], calls: [] };

function tooLarge(what: string, limit: number): PlimsollError {
  return new PlimsollError({
    code: 'grammar-too-large',
    message: `The grammar needs more than ${limit} ${what}.`,
    value: `${limit}+`,
    limit,
    hint: 'Lower the counts in it (maxLength, maxItems, {m,n}) or leave them out.',
  });
}

export function buildNetwork(grammar: GrammarRules): Network {
  const builder = new NetworkBuilder(grammar);
  return builder.build();
}

class NetworkBuilder {
  readonly #grammar: GrammarRules;
  readonly #nodes: NetworkNode[] = [noMoves];
  readonly #ruleNumbers = new Map<string, number>();
  readonly #ruleNames: string[] = [];
  readonly #bodies: Expression[] = [];
  #entered = 0;

  constructor(grammar: GrammarRules) {
    this.#grammar = grammar;
  }

  build(): Network {
    const root = this.#numberOf(this.#grammar.root);
    const starts: number[] = [];
    // Building a body may add the rules that it calls to the end of the list.
    for (let rule = 0; rule < this.#bodies.length; rule++) {
      starts.push(this.#enter(defined(this.#bodies[rule], 'a rule has a body'), END_NODE));
    }
    return { nodes: this.#nodes, starts, ruleNames: this.#ruleNames, root };
  }

  #numberOf(name: string): number {
    const known = this.#ruleNumbers.get(name);
    if (known !== undefined) return known;
    const body = this.#grammar.rules.get(name);
    if (body === undefined) {
      throw new PlimsollError({
        code: 'grammar-unknown-rule',
        message: `The grammar uses the rule ${name}, which it does not define.`,
        value: name,
        limit: [...this.#grammar.rules.keys()].slice(0, 20).join(', '),
      });
    }
    return this.#addRule(name, body);
  }

  #addRule(name: string, body: Expression): number {
    const number = this.#ruleNames.push(name) - 1;
    this.#ruleNumbers.set(name, number);
    this.#bodies.push(body);
    return number;
  }

  #add(node: Partial<NetworkNode>): number {
    if (this.#nodes.length >= NODES_MAX) {
      throw tooLarge('states', NODES_MAX);
    }
    return this.#nodes.push({ ...noMoves, ...node }) - 1;
  }

  /** The node from which `expression` leads to `next`. */
  #enter(expression: Expression, next: number): number {
    if (++this.#entered > ENTERED_MAX) throw tooLarge('steps to build', ENTERED_MAX);
    switch (expression.kind) {
      case 'text':
        return new TextEncoder()
          .encode(expression.text)
          .reduceRight((target, byte) => this.#add({ byteMoves: [{ low: byte, high: byte, target }] }), next);
      case 'characters':
        return this.#enterCharacters(expression.ranges, next);
      case 'sequence':
        return expression.parts.reduceRight((target, part) => this.#enter(part, target), next);
      case 'choice':
        return this.#add({ freeMoves: expression.options.map((option) => this.#enter(option, next)) });
      case 'repeat':
        return this.#enterRepeat(expression, next);
      case 'rule':
        return this.#add({ calls: [{ rule: this.#numberOf(expression.name), returnNode: next }] });
      default:
        return expression satisfies never;
    }
  }

  #enterCharacters(ranges: Extract<Expression, { kind: 'characters' }>['ranges'], next: number): number {
    const first: ByteMove[] = [];
    // Sequences often end alike (80..BF): those ends are shared.
    const shared = new Map<string, number>();
    for (const range of normaliseRanges(ranges)) {
      for (const bytes of utf8Sequences(range)) {
        let target = next;
        let key = '';
        for (let place = bytes.length - 1; place > 0; place--) {
          const { low, high } = defined(bytes[place], 'a byte range');
          key = `${low}-${high} ${key}`;
          const known = shared.get(key);
          target = known ?? this.#add({ byteMoves: [{ low, high, target }] });
          shared.set(key, target);
        }
        const { low, high } = defined(bytes[0], 'a byte range');
        first.push({ low, high, target });
      }
    }
    return this.#add({ byteMoves: first });
  }

  #enterRepeat(expression: Extract<Expression, { kind: 'repeat' }>, next: number): number {
    const { least, most } = expression;
    assert(least >= 0 && most >= least && Number.isSafeInteger(least), `a repeat of ${least} to ${most}`);
    const copies = most === Infinity ? least + 1 : most;
    const body = copies > COPIED_REPEATS_MAX ? this.#callable(expression.body) : expression.body;
    let entry = next;
    if (most === Infinity) {
      const freeMoves = [next];
      entry = this.#add({ freeMoves });
      freeMoves.push(this.#enter(body, entry));
    } else {
      for (let copy = least; copy < most; copy++) {
        entry = this.#add({ freeMoves: [next, this.#enter(body, entry)] });
      }
    }
    for (let copy = 0; copy < least; copy++) entry = this.#enter(body, entry);
    return entry;
  }

  /** The expression as a call, so that repeating it costs one node each time. */
  #callable(body: Expression): Expression {
    if (body.kind === 'rule') return body;
    const name = `repeated ${this.#bodies.length}`;
    this.#addRule(name, body);
    return { kind: 'rule', name };
  }
}
