/**
 * Renders a template and follows which characters of the result the template itself wrote. Control tokens are read in those
 * alone: what a message, a tool, a document or a variable says stays text, however the template cuts, joins and copies it.
 *
 * A text is foreign unless this file knows better. Literals of the template, the model's own tokens and the usual names
 * of roles are the template's; joining, trimming and printing keep apart what they join. Every other operation gives
 * foreign text, so that an unknown filter can only turn a control token into plain letters, never the reverse.
 *
 * llama.cpp, vLLM and transformers read control tokens anywhere in the rendered text.
 */

import { type Spans, SpanWriter, spansWithin } from '../spans.ts';
import { BoundedInterpreter } from './bounded-interpreter.ts';
import type {
  BinaryNode,
  CallNode,
  FilterNode,
  ForNode,
  RuntimeValue,
  TemplateEnvironment,
  TemplateNode,
} from './jinja.ts';

/** A node that is evaluated already. */
interface EvaluatedNode extends TemplateNode {
  readonly type: 'Evaluated';
  readonly result: RuntimeValue;
}

function evaluated(result: RuntimeValue): EvaluatedNode {
  return { type: 'Evaluated', result };
}

/** Filters that change characters one by one or none at all: what is the template's as a whole stays so. */
const wholeFilters: ReadonlySet<unknown> = new Set(['string', 'upper', 'lower', 'capitalize', 'title']);
const trims: Readonly<Record<string, (text: string) => string>> = {
  trim: (text) => text.trim(),
  strip: (text) => text.trim(),
  lstrip: (text) => text.trimStart(),
  rstrip: (text) => text.trimEnd(),
};

export class ProvenanceInterpreter extends BoundedInterpreter {
  /** Where the template's own characters are, for texts that have any. */
  readonly #spans = new WeakMap<RuntimeValue, Spans>();
  /** Results of the blocks of the loops that run, the innermost last. */
  readonly #loops: { readonly node: ForNode; readonly writer: SpanWriter }[] = [];

  /** Makes the whole text the template's. */
  trust(value: RuntimeValue | undefined): void {
    if (typeof value?.value === 'string') this.#spans.set(value, [0, value.value.length]);
  }

  spansOf(value: RuntimeValue): Spans {
    return this.#spans.get(value) ?? [];
  }

  override evaluate(statement: TemplateNode | undefined, environment: TemplateEnvironment): RuntimeValue {
    if (statement?.type === 'Evaluated') return (statement as EvaluatedNode).result;
    const value = super.evaluate(statement, environment);
    if (statement?.type === 'StringLiteral') this.trust(value);
    return value;
  }

  override evaluateBlock(
    statements: readonly TemplateNode[],
    environment: TemplateEnvironment,
  ): RuntimeValue {
    const writer = new SpanWriter();
    // Evaluates each statement once, and leaves joining their texts to the base class.
    const results = statements.map((statement) => {
      const result = this.evaluate(statement, environment);
      if (result.type !== 'NullValue' && result.type !== 'UndefinedValue') {
        writer.add(String(result), this.spansOf(result));
      }
      return evaluated(result);
    });
    const block = this.#keep(super.evaluateBlock(results, environment), writer);
    const loop = this.#loops.at(-1);
    if (loop !== undefined && (statements === loop.node.body || statements === loop.node.defaultBlock)) {
      loop.writer.add(String(block.value), this.spansOf(block));
    }
    return block;
  }

  override evaluateFor(node: ForNode, environment: TemplateEnvironment): RuntimeValue {
    const writer = new SpanWriter();
    this.#loops.push({ node, writer });
    try {
      return this.#keep(super.evaluateFor(node, environment), writer);
    } finally {
      this.#loops.pop();
    }
  }

  override evaluateBinaryExpression(node: BinaryNode, environment: TemplateEnvironment): RuntimeValue {
    const joins = node.operator.value === '+' || node.operator.value === '~';
    if (!joins) return super.evaluateBinaryExpression(node, environment);
    const operands = [node.left, node.right].map((operand) => this.evaluate(operand, environment));
    const [left, right] = operands.map(evaluated) as [EvaluatedNode, EvaluatedNode];
    const result = super.evaluateBinaryExpression({ ...node, left, right }, environment);
    if (typeof result.value !== 'string') return result;
    const writer = new SpanWriter();
    for (const operand of operands) writer.add(String(operand.value), this.spansOf(operand));
    return this.#keep(result, writer);
  }

  override applyFilter(
    operand: RuntimeValue,
    filter: FilterNode,
    environment: TemplateEnvironment,
  ): RuntimeValue {
    const isPlain = filter.type === 'Identifier';
    const name = isPlain ? (filter as { readonly value: unknown }).value : (filter as CallNode).callee.value;
    if (name === 'join' && Array.isArray(operand.value)) return this.#join(operand, filter, environment);
    const result = super.applyFilter(operand, filter, environment);
    if (!isPlain || typeof operand.value !== 'string' || typeof result.value !== 'string') return result;
    if (name === 'trim') this.#keepTrimmed(operand, result, 'trim');
    else if (result !== operand && wholeFilters.has(name) && this.#isTrusted(operand)) this.trust(result);
    return result;
  }

  override evaluateCallExpression(node: CallNode, environment: TemplateEnvironment): RuntimeValue {
    const { object, property, computed } = node.callee;
    const method = computed === true ? undefined : property?.value;
    if (object === undefined || typeof method !== 'string' || trims[method] === undefined) {
      return super.evaluateCallExpression(node, environment);
    }
    const subject = this.evaluate(object, environment);
    const callee = { ...node.callee, object: evaluated(subject) };
    const result = super.evaluateCallExpression({ ...node, callee }, environment);
    if (typeof subject.value === 'string') this.#keepTrimmed(subject, result, method);
    return result;
  }

  #join(operand: RuntimeValue, filter: FilterNode, environment: TemplateEnvironment): RuntimeValue {
    const args = filter.type === 'CallExpression' ? (filter as CallNode).args : [];
    const values = args.map((argument) =>
      argument.type === 'KeywordArgumentExpression' ? null : this.evaluate(argument, environment),
    );
    const given = args.map((argument, index) => {
      const value = values[index];
      return value == null ? argument : evaluated(value);
    });
    const result = super.applyFilter(operand, { ...filter, args: given }, environment);
    const writer = new SpanWriter();
    for (const [index, item] of (operand.value as readonly RuntimeValue[]).entries()) {
      const separator = values[0];
      if (index > 0 && separator != null) writer.add(String(separator.value), this.spansOf(separator));
      writer.add(String(item.value), this.spansOf(item));
    }
    return this.#keep(result, writer);
  }

  /** Notes the spans of a text that should be what the writer wrote; where it is not, the text is foreign. */
  #keep(value: RuntimeValue, writer: SpanWriter): RuntimeValue {
    if (value.value === writer.text && writer.spans.length > 0) this.#spans.set(value, writer.spans);
    return value;
  }

  #keepTrimmed(whole: RuntimeValue, result: RuntimeValue, method: string): void {
    const text = String(whole.value);
    if (result === whole || typeof result.value !== 'string' || result.value !== trims[method]?.(text))
      return;
    const start = method === 'rstrip' ? 0 : text.length - text.trimStart().length;
    const spans = spansWithin(this.spansOf(whole), start, start + result.value.length);
    if (spans.length > 0) this.#spans.set(result, spans);
  }

  #isTrusted(value: RuntimeValue): boolean {
    const [start, end, ...more] = this.spansOf(value);
    return start === 0 && end === String(value.value).length && more.length === 0;
  }
}
