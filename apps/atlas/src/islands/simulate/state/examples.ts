/** The scenarios of the folder `examples`, which the command line runs too. */
import { PlimsollError } from '@plimsoll/foundation';

const texts = import.meta.glob<string>('../../../../../../examples/*.yaml', {
  query: '?raw',
  import: 'default',
  eager: true,
});

const examples = new Map(
  Object.entries(texts).map(([path, text]) => [/([\w-]+)\.yaml$/.exec(path)?.[1] ?? path, text]),
);

/** The example that the page shows first. */
export const firstExample = 'single-gpu-chat';

export const exampleNames: readonly string[] = [...examples.keys()].sort((left, right) => {
  if (left === firstExample || right === firstExample) return left === firstExample ? -1 : 1;
  return left < right ? -1 : 1;
});

export function exampleText(name: string): string {
  const text = examples.get(name);
  if (text !== undefined) return text;
  throw new PlimsollError({
    code: 'unknown-example',
    message: `there is no example "${name}"`,
    value: name,
    limit: exampleNames.join(', '),
  });
}

/** The name of the example with this text; null if the text is no example. */
export function exampleNamed(text: string): string | null {
  return exampleNames.find((name) => examples.get(name) === text) ?? null;
}
