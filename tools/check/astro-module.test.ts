/** Tests the conversion of .astro files, line by line, and the refusals. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type AstroModule, astroModule, loadAstroParser } from './astro-module.ts';

const parser = await loadAstroParser(join(import.meta.dirname, '../..'));

function moduleOf(source: string): AstroModule {
  return astroModule(parser, 'sample.astro', source);
}

test('a component keeps its lines', () => {
  const source = `---
/** “Words”, more than one byte each. */
import Other from './other.astro';

interface Props {
  name: string;
}

const { name } = Astro.props;
---
<!doctype html>
<!-- a remark
     of two lines -->
<p {name} title=\`of \${name}\`>5 > 3<br></p>
<Other client:load {...Astro.props} />

<script>
  import './other.ts';
</script>
<script is:inline>document.title = 1;</script>

<style>
  p { color: red; }
</style>
`;
  const { component, scripts } = moduleOf(source);
  expect(component).toMatchInlineSnapshot(`
    "/** @jsxImportSource astro */
    /** “Words”, more than one byte each. */
    import Other from './other.astro';

    interface Props {
      name: string;
    }

    export async function render$(Astro: Readonly<import('astro').AstroGlobal<Props>>) { void Astro; const { name } = Astro.props;
    ; return (<>



    <p name={name} title={\`of \${name}\`}>5   3<br/></p>
    <Other client:load {...Astro.props} />

    <script>

    </script>
    <script is:inline></script>

    <style>

    </style>
    </>); } export default function component$(_props: Props): unknown { return render$; }
    "
  `);
  expect(scripts).toMatchInlineSnapshot(`
    [
      "
















      import './other.ts';

    export {};
    ",
    ]
  `);
});

test('the properties of a page have the types that its paths pass', () => {
  const { component } = moduleOf(
    '---\nexport const getStaticPaths = pages;\n---\n<p>{Astro.props.name}</p>\n',
  );
  expect(component).toMatchInlineSnapshot(`
    "/** @jsxImportSource astro */
    export const getStaticPaths = pages;
    export async function render$(Astro: Readonly<import('astro').AstroGlobal<import('astro').InferGetStaticPropsType<typeof getStaticPaths>>>) { void Astro; ; return (<>
    <p>{Astro.props.name}</p>
    </>); } export default function component$(_props: import('astro').InferGetStaticPropsType<typeof getStaticPaths>): unknown { return render$; }
    "
  `);
});

test('a component without frontmatter', () => {
  expect(moduleOf('<p>Hello</p>\n').component).toMatchInlineSnapshot(`
    "/** @jsxImportSource astro */ export async function render$(Astro: Readonly<import('astro').AstroGlobal<{}>>) { void Astro; return (<><p>Hello</p>
    </>); } export default function component$(_props: {}): unknown { return render$; }
    "
  `);
});

test('a file that cannot become a function is refused by name', () => {
  const late = "---\nconst a = 1;\nimport b from './b.ts';\n---\n<p>{a}{b}</p>\n";
  expect(() => moduleOf(late)).toThrow('line 3 imports or exports after other statements');
  expect(() => moduleOf('---\nconst = 1;\n---\n<p></p>\n')).toThrow('sample.astro cannot be read');
});
