/**
 * The key that all spellings of a name share. People write `RTX-4090`, `rtx 4090`, `RTX4090`; the field writes
 * `Llama-3.1-8B`, `llama3.1:8b`, `llama_3.1_8b`. A key drops case and every separator, except a separator between two
 * digits, which carries meaning: `gemma-2-2b` is not `gemma-22b`, and `qwen3-8b` is not `qwen3.8b`.
 */

const separators = /[\s_\-/:,;()[\]+@™®"']+/g;

/** "NVIDIA H100 80GB HBM3" -> "nvidiah100-80gbhbm3"; "meta-llama/Llama-3.1-8B" -> "metallamallama3.1-8b". */
export function nameKey(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/(?<!\d)\.|\.(?!\d)/g, '-') // a dot is a decimal point only between digits
    .replaceAll(separators, '-')
    .replaceAll(/(?<=\d)-?gi?b\b/g, 'gb') // 80GB and 80GiB name the same card
    .replaceAll(/(?<!\d)-+|-+(?!\d)/g, '');
}

/** The key without the separators between digits, for people who write `llama31-8b` or `llama-3-1-8b`. */
export function looseKey(key: string): string {
  return key.replaceAll(/[-.]/g, '');
}

/** True if the name has a decimal point: a spelling without the point is then another name, not a loose form. */
export function hasDecimalPoint(key: string): boolean {
  return key.includes('.');
}

/** Words that do not distinguish hardware names: makers, brands, drivers and kinds of memory. */
const noiseWords = new Set(
  'nvidia amd ati intel apple geforce radeon instinct tesla quadro graphics gpu generation virtualized vulkan cuda rocm hip sycl metal hbm hbm2 hbm2e hbm3 hbm3e gddr6 gddr6x gddr7 gtt pool'.split(
    ' ',
  ),
);

/** "AMD Instinct MI300X 192GB HBM3" -> "MI300X 192GB"; unchanged if only noise words remain. */
export function withoutNoise(text: string): string {
  const words = text.split(/[\s_\-/:,;()[\]+@™®]+/).filter((word) => word !== '');
  const kept = words.filter((word) => !noiseWords.has(word.toLowerCase()) && !/^gfx\d/i.test(word));
  return kept.length === 0 ? text : kept.join(' ');
}

/** "B200 180GB SXM" -> "B200 SXM 180GB": derived names put the amount of memory last, people put it anywhere. */
export function withMemoryLast(text: string): string {
  const match = /\b\d+(?:\.\d+)?\s*gi?b\b/i.exec(text);
  if (match === null) return text;
  const before = text.slice(0, match.index).trim();
  const after = text.slice(match.index + match[0].length).trim();
  return `${before} ${after} ${match[0]}`.trim();
}
