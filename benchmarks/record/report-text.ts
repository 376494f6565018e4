/** Formats words and numbers as every benchmark report writes them. */

export function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

export function verdict(met: boolean): string {
  return met ? 'met' : '**missed**';
}
