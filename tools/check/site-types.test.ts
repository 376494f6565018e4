/** Tests that tsc finds deliberate mistakes in components of the site. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readProject } from './project.ts';
import { siteTypes } from './site-types.ts';

const project = readProject(join(import.meta.dirname, '../..'));

test('a file that is no component is reported by name', async () => {
  const broken = 'apps/atlas/src/components/tags.astro';
  const problems = await siteTypes.run({
    ...project,
    read: (path) => (path === broken ? '---\nconst = 1;\n---\n' : project.read(path)),
  });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(`${broken} cannot be read as an Astro component`);
});

test('mistakes in frontmatter, template, properties of a component and script are reported with their lines', {
  timeout: 60_000,
}, async () => {
  const planted: Readonly<Record<string, string>> = {
    'apps/atlas/src/components/tags.astro': `---
const { view } = Astro.locals;
const count: string = 3;
---

<p>{view.nothing}</p>
<p>{count}</p>
`,
    'apps/atlas/src/components/page-foot.astro': `---
import Section from './section.astro';
---

<Section id={3} />
<Section />

<script>
  const element: number = 'text';
  console.log(element);
</script>
`,
  };
  const problems = await siteTypes.run({
    ...project,
    read: (path) => planted[path] ?? project.read(path),
  });
  expect(problems).toMatchInlineSnapshot(`
    [
      "apps/atlas/src/components/page-foot.astro(9,9): error TS2322: Type 'string' is not assignable to type 'number'.",
      "apps/atlas/src/components/page-foot.astro(5,10): error TS2322: Type 'number' is not assignable to type 'string'.",
      "apps/atlas/src/components/page-foot.astro(6,2): error TS2322: Type '{}' is not assignable to type 'IntrinsicAttributes & Props'.",
      "  Property 'id' is missing in type '{}' but required in type 'Props'.",
      "apps/atlas/src/components/tags.astro(3,7): error TS2322: Type 'number' is not assignable to type 'string'.",
      "apps/atlas/src/components/tags.astro(6,10): error TS2339: Property 'nothing' does not exist on type 'PageView'.",
      "tsc ended with exit code 1",
    ]
  `);
});
