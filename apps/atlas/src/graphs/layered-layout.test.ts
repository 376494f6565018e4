import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataDirectory } from '@plimsoll/registry/authoring';
import type { GraphRecord } from '@plimsoll/registry/pages';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { graphSvg } from './graph-svg.ts';
import { type GraphLayout, layoutGraph, type PlacedNode, type Point } from './layered-layout.ts';

const size = (_: string, rowCount: number) => ({ width: rowCount > 1 ? 148 : 216, height: 50 });

/** Graphs whose flow goes from lower to higher nodes, with feedback anywhere. */
const graphs = fc
  .integer({ min: 2, max: 9 })
  .chain((count) => {
    const node = fc.integer({ min: 0, max: count - 1 });
    const pairs = fc.uniqueArray(fc.tuple(node, node), {
      maxLength: 12,
      selector: ([from, to]) => `${from}-${to}`,
    });
    return fc.tuple(fc.constant(count), pairs);
  })
  .map(([count, pairs]) => {
    const nodes = Array.from({ length: count }, (_, index) => `n${index}`);
    const edges = pairs.flatMap(([from, to]): GraphRecord['edges'] =>
      from === to
        ? []
        : [{ from: `n${from}`, to: `n${to}`, kind: from < to ? ('flow' as const) : ('feedback' as const) }],
    );
    return { nodes, edges, root: 'n0' };
  });

function overlap(left: PlacedNode, right: PlacedNode): boolean {
  return (
    left.x < right.x + right.width &&
    right.x < left.x + left.width &&
    left.y < right.y + right.height &&
    right.y < left.y + left.height
  );
}

function inside({ width, height }: GraphLayout, { x, y }: Point): boolean {
  return x >= 0 && y >= 0 && x <= width && y <= height;
}

describe('any graph', () => {
  test('stays on its canvas, and no box covers another', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const layout = layoutGraph(graph, size);
        for (const [index, node] of layout.nodes.entries()) {
          expect(inside(layout, node)).toBe(true);
          expect(inside(layout, { x: node.x + node.width, y: node.y + node.height })).toBe(true);
          for (const other of layout.nodes.slice(index + 1)) expect(overlap(node, other)).toBe(false);
        }
        expect(layout.nodes.map(({ id }) => id).sort()).toEqual([...graph.nodes].sort());
      }),
    );
  });

  test('lets flow run down, and each line end at its boxes without crossing one', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const layout = layoutGraph(graph, size);
        const box = (id: string) => layout.nodes.find((node) => node.id === id);
        for (const { from, to, kind, points } of layout.edges) {
          if (kind === 'flow') expect(box(to)?.y).toBeGreaterThan(box(from)?.y ?? 0);
          for (const point of points) expect(inside(layout, point)).toBe(true);
          // The part in a gutter is clear of every box in the rows that it passes.
          const [, first, second] = points;
          if (points.length < 4 || first === undefined || second === undefined) continue;
          expect(first.x).toBe(second.x);
          for (const node of layout.nodes) {
            expect(first.x <= node.x || first.x >= node.x + node.width).toBe(true);
          }
        }
        expect(layout.edges).toHaveLength(graph.edges.length);
      }),
    );
  });
});

test('a circle of flow edges is refused by name', () => {
  const edges = [
    { from: 'a', to: 'b' },
    { from: 'b', to: 'a' },
  ];
  expect(() => layoutGraph({ nodes: ['a', 'b'], edges, root: 'a' }, size)).toThrow(
    'one of its edges is feedback',
  );
});

test('every graph of the registry is drawn, narrow enough for a telephone', () => {
  const folder = join(dataDirectory, 'graphs');
  for (const file of readdirSync(folder)) {
    const graph: GraphRecord = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const svg = graphSvg(graph, { alt: 'what it shows' });
    expect(svg.match(/class="node/g)).toHaveLength(graph.nodes.length);
    expect(svg.match(/class="edge /g)).toHaveLength(graph.edges.length);
    expect(Number(/viewBox="0 0 ([\d.]+)/.exec(svg)?.[1])).toBeLessThanOrEqual(400);
  }
});

test('words are escaped and wrapped', () => {
  const graph: GraphRecord = {
    id: 'graph.small',
    kind: 'graph',
    subject: 'system.memory',
    root: 'a',
    nodes: ['a', 'b'],
    edges: [{ from: 'a', to: 'b' }],
  };
  const nodes = {
    a: { label: 'Requests <that> have not started yet and wait', note: 'in order' },
    b: { label: 'B' },
  };
  expect(graphSvg(graph, { alt: 'a "b"', nodes, edges: { 'a->b': 'next & in line' } })).toMatchInlineSnapshot(
    `"<svg class="graph" role="img" aria-label="a &quot;b&quot;" viewBox="0 0 220 162" style="max-width:253px" xmlns="http://www.w3.org/2000/svg"><g class="edge flow"><path class="line" d="M110 74L110 122"/><polygon class="head" points="110,122 106.5,114 113.5,114"/><text class="words" x="110" y="102.2" font-size="12" text-anchor="middle">next &amp; in line</text></g><g class="node root"><rect x="2" y="2" width="216" height="72" rx="4"/><text class="label" x="110" y="26" font-size="14" text-anchor="middle">Requests &lt;that&gt; have not</text><text class="label" x="110" y="44.2" font-size="14" text-anchor="middle">started yet and wait</text><text class="note" x="110" y="60.4" font-size="12" text-anchor="middle">in order</text></g><g class="node"><rect x="2" y="122" width="216" height="38" rx="4"/><text class="label" x="110" y="146" font-size="14" text-anchor="middle">B</text></g></svg>"`,
  );
});
