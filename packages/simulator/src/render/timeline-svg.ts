/** Draws a run over simulated time as an SVG picture: running and waiting requests, KV cache, output rate. */
import type { TimelinePoint } from '../measurement/timeline.ts';
import type { SimulationOutcome } from '../simulate.ts';

const width = 900;
const left = 90;
const right = 20;
const panelHeight = 110;
const panelGap = 46;
const top = 40;

interface Panel {
  readonly title: string;
  readonly color: string;
  readonly value: (point: TimelinePoint) => number;
  readonly format: (value: number) => string;
}

const panels: readonly Panel[] = [
  { title: 'running requests', color: '#2563eb', value: ({ running }) => running, format: plain },
  { title: 'waiting requests', color: '#b45309', value: ({ waiting }) => waiting, format: plain },
  {
    title: 'KV cache in use',
    color: '#047857',
    value: ({ kvShare }) => kvShare,
    format: (value) => `${plain(100 * value)} %`,
  },
  {
    title: 'output tokens per second',
    color: '#7c3aed',
    value: ({ outputRate }) => outputRate,
    format: plain,
  },
];

export function timelineSvg({ collector, replicas }: SimulationOutcome, title: string): string {
  const points = collector.timeline
    .points()
    .map((point) => ({ ...point, kvShare: point.kvShare / replicas.length }));
  const { end } = collector.timeline;
  const height = top + panels.length * (panelHeight + panelGap);
  const body = panels.map((panel, index) =>
    panelSvg(panel, points, end, top + index * (panelHeight + panelGap)),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${left}" y="22" font-size="15">${escapeXml(title)}</text>`,
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

function panelSvg(panel: Panel, points: readonly TimelinePoint[], end: number, y: number): string {
  const values = points.map(panel.value);
  const most = Math.max(...values, 0);
  const scale = most === 0 ? 0 : panelHeight / most;
  const x = (at: number): string =>
    (left + (at / Math.max(end, Number.MIN_VALUE)) * (width - left - right)).toFixed(1);
  const bottom = y + panelHeight;
  let line = `M${x(0)} ${bottom}`;
  for (const [index, { at }] of points.entries()) {
    const level = (bottom - (values[index] ?? 0) * scale).toFixed(1);
    line += `L${x(at)} ${level}L${x(points[index + 1]?.at ?? end)} ${level}`;
  }
  line += `L${x(end)} ${bottom}Z`;
  return [
    `<text x="${left}" y="${y - 5}" fill="#374151">${panel.title}</text>`,
    `<path d="${line}" fill="${panel.color}" fill-opacity="0.25" stroke="${panel.color}"/>`,
    `<text x="${left - 8}" y="${y + 10}" text-anchor="end" fill="#374151">${panel.format(most)}</text>`,
    `<text x="${left - 8}" y="${bottom}" text-anchor="end" fill="#374151">0</text>`,
    `<text x="${left}" y="${bottom + 16}" fill="#374151">0 s</text>`,
    `<text x="${width - right}" y="${bottom + 16}" text-anchor="end" fill="#374151">${plain(end)} s</text>`,
  ].join('\n');
}

/** Three digits, without an exponent. */
function plain(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
