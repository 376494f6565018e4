import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePageStructure } from './page-structure.ts';

const head = '---\nrecord: system.memory\n---\n';

function problems(body: string, front: string = head): readonly string[] {
  return parsePageStructure({ file: 'page.mdx', text: front + body }).problems.map(
    ({ key, problem }) => `${key}: ${problem}`,
  );
}

test('a page is its record and its components, nested', () => {
  const text = `${head}
<Summary />
<Section id="a">
  <Figure id="b" />
  <Section id="c" />
</Section>
`;
  expect(parsePageStructure({ file: 'page.mdx', text })).toMatchInlineSnapshot(`
    {
      "problems": [],
      "structure": {
        "elements": [
          {
            "children": [],
            "component": "Summary",
            "id": "",
            "line": 5,
          },
          {
            "children": [
              {
                "children": [],
                "component": "Figure",
                "id": "b",
                "line": 7,
              },
              {
                "children": [],
                "component": "Section",
                "id": "c",
                "line": 8,
              },
            ],
            "component": "Section",
            "id": "a",
            "line": 6,
          },
        ],
        "record": "system.memory",
      },
    }
  `);
});

describe('a page that is more than structure, or less, is refused with the line', () => {
  test.each([
    ['no frontmatter', '<Summary />\n<Section id="a" />', ''],
    ['more in the frontmatter', '<Summary /><Section id="a" />', '---\nrecord: a.b\ntitle: x\n---\n'],
    ['prose', '<Summary />\n\n  Hello reader.\n<Section id="a" />', head],
    ['an import', '<Summary />\nimport X from "x"\n<Section id="a" />', head],
    ['an expression', '<Summary />\n<Section id={a} />\n<Section id="a" />', head],
    ['an unknown component', '<Summary />\n<Sektion id="a" />\n<Section id="b" />', head],
    ['an unknown attribute', '<Summary />\n<Section id="a" title="A" />', head],
    ['no id', '<Summary />\n<Section />', head],
    ['an id that is not kebab case', '<Summary />\n<Section id="Über" />', head],
    ['a section that is not closed', '<Summary />\n<Section id="a">', head],
    ['a tag that closes nothing', '<Summary />\n<Section id="a" />\n</Section>', head],
    ['a doubled id', '<Summary />\n<Section id="a" />\n<Section id="a" />', head],
    ['no summary', '<Section id="a" />', head],
    ['a summary that is not first', '<Section id="a" />\n<Summary />', head],
    ['no section', '<Summary />', head],
    [
      'three levels',
      '<Summary /><Section id="a"><Section id="b"><Section id="c" /></Section></Section>',
      head,
    ],
    [
      'a figure that holds others',
      '<Summary /><Section id="a" /><Figure id="b"><Cell id="c" /></Figure>',
      head,
    ],
  ])('%s', (_, body, front) => {
    expect(problems(body, front)).toMatchSnapshot();
  });
});

test('a long text without a tag is read in linear time', () => {
  const text = `${head}${'<Section id="a"'.repeat(20_000)}`;
  const start = performance.now();
  parsePageStructure({ file: 'page.mdx', text });
  expect(performance.now() - start).toBeLessThan(2_000);
});

test('any text is read, and its problems name a line that it has', () => {
  const part = fc.constantFrom(
    ...['---\n', 'record: a.b\n', '<Section id="a">', '</Section>', '<Summary />', '<Figure id="b" />'],
    ...['<', '>', '"', '{a}', 'words', '\n', ' ', '<Section', 'id="Ü"'],
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      const text = parts.join('');
      const lines = text.split('\n').length;
      const { structure, problems: found } = parsePageStructure({ file: 'page.mdx', text });
      expect(structure === undefined).toBe(found.length > 0);
      for (const { key } of found) expect(Number(key.slice('line '.length))).toBeLessThanOrEqual(lines);
    }),
  );
});
