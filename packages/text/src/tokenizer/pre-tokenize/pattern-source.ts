/** Writes a pattern tree as the source of a JavaScript expression in `v` mode. */
import type { PatternNode } from './pattern-tree.ts';

export function javaScriptSource(tree: PatternNode): string {
  return new SourceWriter().write(tree);
}

class SourceWriter {
  #atomicCount = 0;

  write(node: PatternNode): string {
    switch (node.kind) {
      case 'set':
        return node.source;
      case 'sequence':
        return node.parts.map((part) => this.#enclosed(part, part.kind === 'choice')).join('');
      case 'choice':
        return node.options.map((option) => this.write(option)).join('|');
      case 'repeat': {
        const isAtom = node.body.kind === 'set';
        const repeated = `${this.#enclosed(node.body, !isAtom)}${quantifier(node.least, node.most)}`;
        if (node.mode === 'possessive') return this.#atomic(repeated);
        return node.mode === 'lazy' ? `${repeated}?` : repeated;
      }
      case 'look':
        return `(?${node.behind ? '<' : ''}${node.negated ? '!' : '='}${this.write(node.body)})`;
      case 'atomic':
        return this.#atomic(this.write(node.body));
      case 'ignoreCase':
        return `(?i:${this.write(node.body)})`;
      default:
        return node satisfies never;
    }
  }

  #enclosed(node: PatternNode, needsGroup: boolean): string {
    const source = this.write(node);
    return needsGroup ? `(?:${source})` : source;
  }

  /** A lookahead cannot be re-entered: its capture, once matched, is consumed and never given back. */
  #atomic(body: string): string {
    const name = `atomic${this.#atomicCount++}`;
    return `(?:(?=(?<${name}>${body}))\\k<${name}>)`;
  }
}

function quantifier(least: number, most: number): string {
  if (most === Number.POSITIVE_INFINITY) return least === 0 ? '*' : least === 1 ? '+' : `{${least},}`;
  if (least === 0 && most === 1) return '?';
  return least === most ? `{${least}}` : `{${least},${most}}`;
}
