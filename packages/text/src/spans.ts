/** Ranges of a text in one flat list: start, end, start, end ..., ascending, without overlaps and not touching. */
export type Spans = readonly number[];

/** Joins texts and the spans in them. */
export class SpanWriter {
  text = '';
  readonly #spans: number[] = [];

  get spans(): Spans {
    return this.#spans;
  }

  add(text: string, spans: Spans): void {
    const offset = this.text.length;
    for (let index = 0; index < spans.length; index += 2) {
      const start = offset + (spans[index] ?? 0);
      const end = offset + (spans[index + 1] ?? 0);
      if (start === end) continue;
      if (this.#spans.at(-1) === start) this.#spans[this.#spans.length - 1] = end;
      else this.#spans.push(start, end);
    }
    this.text += text;
  }
}

/** The spans of the part of the text from `start` to `end`, counted from its start. */
export function spansWithin(spans: Spans, start: number, end: number): Spans {
  const inside: number[] = [];
  for (let index = 0; index < spans.length; index += 2) {
    const from = Math.max(start, spans[index] ?? 0);
    const to = Math.min(end, spans[index + 1] ?? 0);
    if (from < to) inside.push(from - start, to - start);
  }
  return inside;
}

/** Whether all of a range is inside of one span, none of it is inside of any, or neither. */
export function coverage(spans: Spans, start: number, end: number): 'all' | 'part' | 'none' {
  // The last span that starts before the end of the range.
  let low = 0;
  let high = spans.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[2 * middle] ?? 0) < end) low = middle + 1;
    else high = middle;
  }
  const from = spans[2 * low - 2];
  const to = spans[2 * low - 1];
  if (from === undefined || to === undefined || to <= start) return 'none';
  return from <= start && end <= to ? 'all' : 'part';
}
