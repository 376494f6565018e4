import { expect, test } from 'vitest';
import { firstView } from './first-view.ts';

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
