/**
 * Runs a parsed template within limits. A chat template is a program that came with a model file: it reaches nothing
 * but the values it is given, and what is left to bound is how long it runs and how much it writes. Every expression and
 * statement costs one step, every list that it makes or walks through its length.
 */

import { PlimsollError } from '@plimsoll/foundation';
import { NewInterpreter, type RuntimeValue, type TemplateEnvironment, type TemplateNode } from './jinja.ts';

export const templateLimits = {
  /** A conversation of 1,000 messages takes about 50,000 with the templates in use. */
  steps: 1_000_000,
  /** UTF-16 units of any text on the way. */
  textLength: 16_777_216,
  rangeLength: 10_000,
  sourceLength: 1_048_576,
} as const;

export class BoundedInterpreter extends NewInterpreter {
  #steps = 0;

  override evaluate(statement: TemplateNode | undefined, environment: TemplateEnvironment): RuntimeValue {
    this.#spend(1);
    const result = super.evaluate(statement, environment);
    const { value } = result;
    if (typeof value === 'string' && value.length > templateLimits.textLength) {
      throw overLimit('writes a text that is too long', value.length, templateLimits.textLength);
    }
    if (Array.isArray(value)) this.#spend(value.length);
    return result;
  }

  #spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > templateLimits.steps) {
      throw overLimit('takes too many steps', this.#steps, templateLimits.steps);
    }
  }
}

/** Python's range, for lists that fit. */
export function boundedRange(...bounds: readonly number[]): number[] {
  const [first = 0, second, step = 1] = bounds;
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  const length = step === 0 ? Number.POSITIVE_INFINITY : Math.max(0, Math.ceil((stop - start) / step));
  if (!(length <= templateLimits.rangeLength)) {
    throw overLimit('asks for a range that is too long', length, templateLimits.rangeLength);
  }
  return Array.from({ length }, (_, index) => start + index * step);
}

function overLimit(problem: string, value: number, limit: number): PlimsollError {
  return new PlimsollError({
    code: 'chat-template-limit',
    message: `the chat template ${problem}`,
    value,
    limit,
    hint: 'the template is broken or was made to be slow: give another one',
  });
}
