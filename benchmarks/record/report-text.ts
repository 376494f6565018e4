/** Formats words and numbers as every benchmark report writes them. */

export function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

export function verdict(met: boolean): string {
  return met ? 'met' : '**missed**';
}

export function times(value: number): string {
  return `${value.toFixed(2)}x`;
}

export function rate(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0);
}

/** Formats a Markdown table. All columns but the first hold numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, index) => (index === 0 ? '---' : '---:'));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
