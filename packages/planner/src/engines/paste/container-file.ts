/**
 * Reads the container of a compose or Kubernetes file as the command that would start it: `docker run IMAGE WORDS`. Of the
 * file, only the lines that decide the command are read: image, environment, volumes, entrypoint, command and args.
 */

/** Keys whose values are words of the command, in their order on the command line. */
const wordKeys = ['entrypoint', 'command', 'args'] as const;

interface Entry {
  readonly key: string;
  readonly value: string;
  /** The lines below the key that are indented deeper, or that are items of its list. */
  readonly below: readonly string[];
}

/** Returns null for a text without an entrypoint, a command or arguments in the form of YAML. */
export function commandOfContainerFile(text: string): string | null {
  const entries = entriesOf(text.replaceAll('\r', '').split('\n'));
  const found = (key: string): Entry | undefined => entries.find((entry) => entry.key === key);
  const words = wordKeys.flatMap((key) => wordsOf(found(key)));
  if (words.length === 0) return null;
  const image = found('image')?.value ?? '';
  if (image === '') return words.join(' ');
  const variables = itemsOf(found('environment')?.below ?? []).map((item) => `-e ${item}`);
  const mounts = itemsOf(found('volumes')?.below ?? [])
    .filter((item) => /^["']?[^\s"']+:\/[^\s"']+["']?$/.test(item))
    .map((item) => `-v ${item}`);
  return ['docker run', ...variables, ...mounts, image, ...words].join(' ');
}

function entriesOf(lines: readonly string[]): readonly Entry[] {
  return lines.flatMap((line, index): readonly Entry[] => {
    const [, before = '', key, value = ''] =
      /^(\s*(?:- )?)(image|environment|volumes|entrypoint|command|args):(?:[ \t]+(.*))?$/.exec(line) ?? [];
    if (key === undefined) return [];
    const below: string[] = [];
    for (const next of lines.slice(index + 1)) {
      const depth = next.search(/\S/);
      const isItem = depth >= before.length && /^\s*- /.test(next);
      if (depth !== -1 && depth <= before.length && !isItem) break;
      below.push(next.trim());
    }
    return [{ key, value: value.trim(), below: below.filter((one) => one !== '' && !one.startsWith('#')) }];
  });
}

function wordsOf(entry: Entry | undefined): readonly string[] {
  if (entry === undefined) return [];
  const { value, below } = entry;
  if (value.startsWith('[')) return flowWords([value, ...below].join(' '));
  const items = itemsOf(below);
  if (value === '' && items.length > 0) return items;
  // A folded or literal text, or a plain text that goes on below.
  const first = /^[>|][+-]?$/.test(value) ? [] : [value];
  return [...first, ...below].map((line) => line.replace(/\\$/, '').trim()).filter((line) => line !== '');
}

function itemsOf(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => line.startsWith('- ')).map((line) => line.slice(2).trim());
}

/** Reads `["engine", "serve", model]`. */
function flowWords(text: string): readonly string[] {
  const inner = /^\[([\s\S]*)\]$/.exec(text.trim())?.[1] ?? '';
  return inner
    .split(/,(?=(?:[^"']|"[^"]*"|'[^']*')*$)/)
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
