/**
 * The contract of a solver: a closed form or a small search with typed inputs and outputs. A solver takes bytes and step
 * seconds from a Deployment, so every fact exists once. A solver is one file that exports the result of `defineSolver`;
 * the command line, its help, the JSON schema and docs/solvers.md read the same definition.
 */
import { type GivenInputs, type InputSpecs, type InputValues, readInputs } from './solver-inputs.ts';
import type { Subject } from './subject.ts';

/** The unit of an output. `text` and `boolean` have none. */
export type OutputUnit =
  | 'boolean'
  | 'bytes'
  | 'bytes per second'
  | 'count'
  | 'grams'
  | 'joules'
  | 'kWh'
  | 'per second'
  | 'ratio'
  | 'seconds'
  | 'share'
  | 'text'
  | 'tokens'
  | 'tokens per second'
  | 'usd'
  | 'usd per hour'
  | 'usd per million tokens'
  | 'watts';

export interface OutputSpec {
  readonly unit: OutputUnit;
  readonly words: string;
}

export type OutputSpecs = Readonly<Record<string, OutputSpec>>;
export type OutputValue = number | string | boolean | null;

/** A number is null where the question gives it no value, such as a price without a price of the device. */
type ValueOf<Spec extends OutputSpec> = Spec['unit'] extends 'text'
  ? string | null
  : Spec['unit'] extends 'boolean'
    ? boolean
    : number | null;

type OutputValues<Specs extends OutputSpecs> = { readonly [Name in keyof Specs]: ValueOf<Specs[Name]> };

export interface Answer<
  Outputs extends OutputSpecs = OutputSpecs,
  Columns extends OutputSpecs = OutputSpecs,
> {
  readonly outputs: OutputValues<Outputs>;
  /** Rows of the solver's table; absent for a solver without columns. */
  readonly rows?: readonly OutputValues<Columns>[] | undefined;
  /** Sentences for the user about this answer. */
  readonly notes?: readonly string[] | undefined;
}

/** What a solver asks for besides its inputs. The command line turns each into flags. */
export type Need = 'replica' | 'draft' | 'decode-device' | 'registry';

interface Words {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  readonly needs: readonly Need[];
  /** The formula in words, one line each. */
  readonly formula: readonly string[];
  /** Cases in which the formula does not hold. */
  readonly limits: readonly string[];
  readonly sources: readonly string[];
  /** Arguments of an example on the command line, after the name. */
  readonly example: string;
}

interface Definition<Inputs extends InputSpecs, Outputs extends OutputSpecs, Columns extends OutputSpecs>
  extends Words {
  readonly inputs: Inputs;
  readonly outputs: Outputs;
  readonly columns?: Columns;
  readonly solve: (values: InputValues<Inputs>, subject: Subject) => Answer<Outputs, Columns>;
}

/** A solver whose types of inputs and outputs are known at run time only. */
export interface Solver extends Words {
  readonly inputs: InputSpecs;
  readonly outputs: OutputSpecs;
  /** Columns of the table; null if the solver has none. */
  readonly columns: OutputSpecs | null;
  /** Checks the inputs, fills in defaults, and solves. */
  readonly run: (given: GivenInputs, subject: Subject) => SolverResult;
}

/** The answer with the inputs that it holds for. */
export interface SolverResult {
  readonly solver: string;
  readonly inputs: Readonly<Record<string, number | string | readonly number[] | null>>;
  readonly outputs: Readonly<Record<string, OutputValue>>;
  readonly rows: readonly Readonly<Record<string, OutputValue>>[] | null;
  readonly notes: readonly string[];
}

export function defineSolver<
  const Inputs extends InputSpecs,
  const Outputs extends OutputSpecs,
  const Columns extends OutputSpecs = Record<never, OutputSpec>,
>(definition: Definition<Inputs, Outputs, Columns>): Solver {
  const { solve, columns = null, ...words } = definition;
  return {
    ...words,
    columns,
    run(given, subject) {
      const inputs = readInputs(definition, given);
      const { outputs, rows = null, notes = [] } = solve(inputs, subject);
      return { solver: definition.name, inputs, outputs, rows, notes };
    },
  };
}
