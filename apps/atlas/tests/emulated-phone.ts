/**
 * Emulates the reader whom Lighthouse assumes: a phone of the middle class on a slow mobile line. Chromium slows the
 * processor of the machine by a factor, so that a fixed factor would emulate another phone on every machine. As
 * Lighthouse recommends (docs/throttling.md, "Calibrating the CPU slowdown"), the factor here follows from a measurement of
 * the machine: the time of a fixed sample of a page's own work, which is to parse, style and lay out. Other programs that
 * take processor time slow the sample as they slow the page.
 */
import type { Page } from 'playwright-core';

/** Lighthouse's slow 4G line of 1.6 Mbit/s down, 750 kbit/s up and 150 ms, with its factor for emulation per request. */
const slowLine = {
  offline: false,
  latency: 150,
  downloadThroughput: (1.6e6 / 8) * 0.9,
  uploadThroughput: (750e3 / 8) * 0.9,
};

/**
 * Milliseconds that the phone takes for the sample: four times those of a core of an AMD EPYC at 2.45 GHz, 22.5 ms in
 * Chromium 153. Lighthouse's BenchmarkIndex of that core is 1,600, the class of machines that Lighthouse slows by four to
 * get a phone of the middle class, with an index of 400.
 */
const phoneSampleMs = 90;

const sampleRuns = 9;

/**
 * Measures the machine, and slows the page down to the phone. Returns by how much the machine is faster; below 1 it is slower
 * than the phone and emulates none.
 */
export async function emulatePhone(page: Page): Promise<number> {
  const slowdown = phoneSampleMs / median(await page.evaluate(sampleTimes, sampleRuns));
  const session = await page.context().newCDPSession(page);
  await session.send('Network.emulateNetworkConditions', slowLine);
  await session.send('Emulation.setCPUThrottlingRate', { rate: Math.max(1, slowdown) });
  return slowdown;
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Runs in an empty page: milliseconds of each run, without the first runs, which compile code and fill caches. */
function sampleTimes(runs: number): readonly number[] {
  const cell = (row: number, column: number): string =>
    `<td class="c${column}"><a href="#">${row * column}.5 GiB</a></td>`;
  const row = (index: number): string =>
    `<tr><th>Model ${index}</th>${[1, 2, 3, 4, 5].map((column) => cell(index, column)).join('')}</tr>`;
  const section = (index: number): string =>
    `<section><h2>Part ${index}</h2><p>${'Weights are loaded once, and each token adds to the cache. '.repeat(8)}</p>` +
    `<table>${[1, 2, 3, 4, 5, 6, 7, 8].map(row).join('')}</table></section>`;
  const rules =
    'section + section { margin-top: 1rem } p { line-height: 1.6 } table { border-collapse: collapse; width: 100% } ' +
    ':is(td, th) { padding: 0.4em; text-align: start } tr > :nth-child(3) { color: var(--ink, #333) } .c2 a { color: inherit }';
  const page = `<style>${rules}</style>${Array.from({ length: 12 }, (_, index) => section(index)).join('')}`;
  const warmUps = 3;
  return Array.from({ length: warmUps + runs }, () => {
    const start = performance.now();
    document.body.innerHTML = page;
    // Reading a height makes the browser style and lay out.
    if (document.body.offsetHeight === 0) throw new Error('the sample has no height');
    const milliseconds = performance.now() - start;
    document.body.replaceChildren();
    return milliseconds;
  }).slice(warmUps);
}
