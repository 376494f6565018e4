/**
 * The parts of @huggingface/jinja that are used, with their types: the declarations of the package import each other
 * without file extensions, which Node's module resolution does not follow, so that all of it would be `any`. Some of
 * the methods are private there; provenance.ts overrides them, and its tests fail when a release changes them.
 */
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';

/** A statement or an expression of a parsed template. */
export interface TemplateNode {
  readonly type: string;
}

/** A parsed template. */
export interface Program extends TemplateNode {
  readonly type: 'Program';
}

/** What an expression or a statement comes to. */
export interface RuntimeValue {
  readonly type: string;
  readonly value: unknown;
}

export interface TemplateEnvironment {
  /** Declares a variable, a plain value or a function, and returns it as templates see it. */
  set(name: string, value: unknown): RuntimeValue;
}

export interface BinaryNode extends TemplateNode {
  readonly operator: { readonly value: string };
  readonly left: TemplateNode;
  readonly right: TemplateNode;
}

export interface ForNode extends TemplateNode {
  readonly body: readonly TemplateNode[];
  readonly defaultBlock: readonly TemplateNode[];
}

/** `callee` is what is called: a name, or a member of `object`. */
export interface CallNode extends TemplateNode {
  readonly callee: TemplateNode & {
    readonly value?: unknown;
    readonly object?: TemplateNode;
    readonly property?: TemplateNode & { readonly value?: unknown };
    readonly computed?: boolean;
  };
  readonly args: readonly TemplateNode[];
}

export type FilterNode = CallNode | (TemplateNode & { readonly value: string });

export interface TemplateInterpreter {
  evaluate(statement: TemplateNode | undefined, environment: TemplateEnvironment): RuntimeValue;
  evaluateBlock(statements: readonly TemplateNode[], environment: TemplateEnvironment): RuntimeValue;
  evaluateFor(node: ForNode, environment: TemplateEnvironment): RuntimeValue;
  evaluateBinaryExpression(node: BinaryNode, environment: TemplateEnvironment): RuntimeValue;
  evaluateCallExpression(node: CallNode, environment: TemplateEnvironment): RuntimeValue;
  applyFilter(operand: RuntimeValue, filter: FilterNode, environment: TemplateEnvironment): RuntimeValue;
  run(program: Program): RuntimeValue;
}

export const NewEnvironment: new () => TemplateEnvironment = Environment;
export const NewInterpreter = Interpreter as unknown as new (
  environment: TemplateEnvironment,
) => TemplateInterpreter;

/** Throws plain errors for what it cannot read. */
export function parseTemplate(source: string): Program {
  // transformers sets both options: a line that holds only a block leaves no empty line behind.
  return parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
}
