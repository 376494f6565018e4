import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { withPolicy } from './content-policy.ts';

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** The policy in a page, directive by directive. */
function directivesOf(html: string): Readonly<Record<string, string>> {
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(withPolicy(html))?.[1] ?? '';
  return Object.fromEntries(
    policy.split('; ').map((directive) => {
      const [name = '', ...sources] = directive.split(' ');
      return [name, sources.join(' ')];
    }),
  );
}

const head = '<!DOCTYPE html><html><head><meta charset="utf-8"/>';

test('a page without inline parts allows files of the site alone', () => {
  expect(directivesOf(`${head}<script type="module" src="/_astro/a.js"></script>`)).toMatchInlineSnapshot(`
    {
      "base-uri": "'none'",
      "default-src": "'self'",
      "form-action": "'none'",
      "img-src": "'self' data:",
      "object-src": "'none'",
      "script-src": "'self'",
      "style-src": "'self'",
      "style-src-attr": "'unsafe-hashes'",
      "worker-src": "'self'",
    }
  `);
});

test('each inline part is allowed by its hash, once', () => {
  const script = "\n  if (1 < 2 && '<b style=\"left:0\">' !== '') go();\n";
  const found = directivesOf(`${head}
    <script>${script}</script><script type="module">${script}</script>
    <script type="application/json">{"data":1}</script>
    <style>a > b { color: red }</style>
    <p title="a > b" style="--text: &quot;x&quot;">…</p><p style="--text: &quot;x&quot;"></p>`);
  expect(found['script-src']).toBe(`'self' ${hash(script)}`);
  expect(found['style-src']).toBe(`'self' ${hash('a > b { color: red }')}`);
  expect(found['style-src-attr']).toBe(`'unsafe-hashes' ${hash('--text: "x"')}`);
});

test('the policy follows the character set and precedes every script', () => {
  const html = withPolicy(`${head}<script>$&</script></head>`);
  const places = [
    '<meta charset="utf-8"/>',
    '<meta http-equiv="Content-Security-Policy"',
    '<script>$&</script></head>',
  ];
  const found = places.map((part) => html.indexOf(part));
  expect(found).not.toContain(-1);
  expect(found).toEqual(found.toSorted((left, right) => left - right));
});

test('a page whose script talks to servers that the reader names may connect to them', () => {
  const found = directivesOf(`${head}<div data-connection-sources="http: https:"></div>`);
  expect(found['connect-src']).toBe("'self' http: https:");
});
