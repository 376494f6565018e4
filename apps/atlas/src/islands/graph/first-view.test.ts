import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataDirectory } from '@plimsoll/registry/authoring';
import type { GraphRecord } from '@plimsoll/registry/pages';
import { expect, test } from 'vitest';
import { firstView } from './first-view.ts';
import { flowData } from './graph-data.ts';

test('a wide pane has the picture in its middle, a little larger', () => {
  expect(firstView({ width: 300, height: 400 }, 700)).toEqual({
    zoom: 1.15,
    x: 177.5,
    y: 6,
    paneHeight: 510,
  });
});

test('a narrow pane has it as small as can be read, from its left edge on', () => {
  const { zoom, x } = firstView({ width: 500, height: 400 }, 326);
  expect(zoom * 14).toBeCloseTo(13, 9);
  expect(x).toBe(6);
});

test('between the two it fills the width', () => {
  const { zoom, x } = firstView({ width: 340, height: 400 }, 352);
  expect([zoom, x]).toEqual([1, 6]);
});

test('every graph of the registry opens whole on a telephone of 360 pixels', () => {
  // 16 pixels on each side are the page's, one is the border.
  const paneWidth = 360 - 2 * 16 - 2;
  const folder = join(dataDirectory, 'graphs');
  for (const file of readdirSync(folder)) {
    const graph = JSON.parse(readFileSync(join(folder, file), 'utf8')) as GraphRecord;
    const { width, height } = flowData(graph, { alt: graph.id });
    const { x, zoom } = firstView({ width, height }, paneWidth);
    expect(x + width * zoom, file).toBeLessThanOrEqual(paneWidth);
  }
});
