/**
 * The parts of @huggingface/jinja that are used, with their types: the declarations of the package import each other
 * without file extensions, which Node's module resolution does not follow, so that all of it would be `any`.
 */
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';

/** A parsed template. */
export type Program = { readonly type: 'Program' };

/** What an expression or a statement comes to. */
export interface RuntimeValue {
  readonly value: unknown;
}

export interface TemplateEnvironment {
  /** Declares a variable: a plain value or a function. */
  set(name: string, value: unknown): unknown;
}

export interface TemplateInterpreter {
  evaluate(statement: unknown, environment: TemplateEnvironment): RuntimeValue;
  run(program: Program): RuntimeValue;
}

export const NewEnvironment: new () => TemplateEnvironment = Environment;
export const NewInterpreter: new (environment: TemplateEnvironment) => TemplateInterpreter = Interpreter;

/** Throws plain errors for what it cannot read. */
export function parseTemplate(source: string): Program {
  // transformers sets both options: a line that holds only a block leaves no empty line behind.
  return parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
}
