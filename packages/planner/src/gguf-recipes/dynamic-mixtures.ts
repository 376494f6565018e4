/** What is known about mixtures without published rules: how far published files are from the planned size. */
import facts from '@plimsoll/registry/engines/dynamic-mixtures.json' with { type: 'json' };
import { parseFileType } from './file-type.ts';

export interface SizeRange {
  readonly leastPercent: number;
  readonly mostPercent: number;
}

const ranges: Readonly<Record<string, SizeRange>> = facts.ranges;

/** A note on the size of a file whose mixture has no published rule; null if the recipes of llama.cpp give its types. */
export function sizeNote(label: string): string | null {
  const { mixture, approximate } = parseFileType(label);
  if (!approximate) return null;
  const name = label.trim().toUpperCase().replaceAll('-', '_').replace(/^UD_/, 'UD-');
  const dynamic = name.startsWith('UD-') ? name : `UD-${name}`;
  const range = Object.hasOwn(ranges, dynamic) ? ranges[dynamic] : undefined;
  const found =
    range === undefined ? 'no published file was compared' : `published files are ${rangeText(range)}`;
  return `${label} has tensor types that its publisher chose model by model: the size of ${mixture} is planned, ${found}; the .gguf itself, or its address on the Hub, gives the exact size`;
}

function rangeText({ leastPercent, mostPercent }: SizeRange): string {
  if (leastPercent === mostPercent) return percentText(leastPercent);
  return `${percentText(leastPercent)} to ${percentText(mostPercent)}`;
}

function percentText(percent: number): string {
  if (percent === 0) return 'as large';
  return `${Math.abs(percent)} % ${percent < 0 ? 'smaller' : 'larger'}`;
}
