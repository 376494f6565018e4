/** Lines and arrow heads of edges as SVG takes them, in the still picture and in the one that can be moved. */
import type { Point } from './layered-layout.ts';

const cornerRadius = 8;

/** A path that is straight between two points and turns corners in a small arc. */
export function pathOf(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (first === undefined) return '';
  let path = `M${round(first.x)} ${round(first.y)}`;
  for (const [index, point] of rest.entries()) {
    const next = rest[index + 1];
    const before = points[index] ?? first;
    if (next === undefined) path += `L${round(point.x)} ${round(point.y)}`;
    else {
      const enter = towards(point, before, cornerRadius);
      const leave = towards(point, next, cornerRadius);
      path += `L${round(enter.x)} ${round(enter.y)}Q${round(point.x)} ${round(point.y)} ${round(leave.x)} ${round(leave.y)}`;
    }
  }
  return path;
}

const headLength = 8;
const headWidth = 7;

/** Corners of a triangle at the end, turned along the last stretch. */
export function arrowHead(points: readonly Point[]): string {
  const tip = points.at(-1);
  const before = points.at(-2);
  if (tip === undefined || before === undefined) return '';
  const base = towards(tip, before, headLength);
  const across = {
    x: (-(tip.y - base.y) / headLength) * (headWidth / 2),
    y: ((tip.x - base.x) / headLength) * (headWidth / 2),
  };
  const corners = [
    tip,
    { x: base.x + across.x, y: base.y + across.y },
    { x: base.x - across.x, y: base.y - across.y },
  ];
  return corners.map(({ x, y }) => `${round(x)},${round(y)}`).join(' ');
}

/** The point at `distance` from `from` towards `to`, or the middle if `to` is nearer than twice that. */
function towards(from: Point, to: Point, distance: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const share = length === 0 ? 0 : Math.min(distance, length / 2) / length;
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
