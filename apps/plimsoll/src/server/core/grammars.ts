/**
 * Compiled grammars. Requests with equal schemas share a grammar. The plan of the engine counts the memory of the
 * largest grammar once, so the grammars in use together stay within that size.
 */
import { PlimsollError } from '@plimsoll/foundation';
import {
  type Grammar,
  grammarFromGbnf,
  grammarFromJsonSchema,
  type ValueFrame,
} from '@plimsoll/text/grammar';

/** Grammars in use at once; each also keeps states and masks while it is in use. */
const grammarsMax = 8;
/** States of all kept grammars together: the limit of one grammar (network.ts of packages/text). */
const statesMax = 250_000;

interface Entry {
  readonly grammar: Grammar;
  readonly states: number;
  users: number;
}

export interface GrammarLease {
  readonly grammar: Grammar;
  release(): void;
}

export class Grammars {
  /** Keyed by the text of the schema or grammar; the least recently used first. */
  readonly #entries = new Map<string, Entry>();

  get inUse(): number {
    return [...this.#entries.values()].filter(({ users }) => users > 0).length;
  }

  /** Compiles a schema, or finds its grammar. `frame` puts texts around the value. The caller releases it when the request has ended. */
  lease(schema: unknown, frame?: ValueFrame): GrammarLease {
    return this.#lease(JSON.stringify([schema, frame]), () =>
      grammarFromJsonSchema(schema, frame === undefined ? {} : { frame }),
    );
  }

  /** The same for a grammar in llama.cpp's notation. */
  leaseGbnf(source: string): GrammarLease {
    // The key of a schema starts with a bracket.
    return this.#lease(`gbnf ${source}`, () => grammarFromGbnf(source));
  }

  #lease(key: string, compile: () => Grammar): GrammarLease {
    const entry = this.#entries.get(key) ?? this.#enter(compile());
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users++;
    let isHeld = true;
    return {
      grammar: entry.grammar,
      release: () => {
        if (isHeld) entry.users--;
        isHeld = false;
      },
    };
  }

  /** Makes room for a grammar. */
  #enter(grammar: Grammar): Entry {
    const entry = { grammar, states: grammar.network.nodes.length, users: 0 };
    for (const [key, { users }] of this.#entries) {
      if (!this.#isFull(entry.states)) break;
      if (users === 0) this.#entries.delete(key);
    }
    if (this.#isFull(entry.states)) throw busy();
    return entry;
  }

  #isFull(newStates: number): boolean {
    let states = newStates;
    for (const entry of this.#entries.values()) states += entry.states;
    return this.#entries.size >= grammarsMax || states > statesMax;
  }
}

function busy(): PlimsollError {
  return new PlimsollError({
    code: 'grammars-busy',
    message: `requests with ${grammarsMax} other grammars are running, or their grammars are too large together`,
    limit: grammarsMax,
    hint: 'try again when they have ended, or send the same schema or grammar',
  });
}
