/** Which Chromium the tests take, and that the packaged one works with what its package brings. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findChromium, startChromium } from './chromium.ts';
import { packagedChromium, packagedSystem, unpackChromium } from './chromium-package.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-chromium-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const bareLinux = { environment: {}, platform: 'linux', architecture: 'x64' };

function thrownBy(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

test('an installed Chromium comes before the packaged one, and the chosen one before both', () => {
  const installed = join(folder, 'bin', 'google-chrome');
  const chosen = join(folder, 'my-chromium');
  mkdirSync(join(folder, 'bin'));
  for (const path of [installed, chosen]) writeFileSync(path, '');
  const PATH = [join(folder, 'empty'), join(folder, 'bin')].join(delimiter);
  const found = (environment: NodeJS.ProcessEnv) => findChromium({ ...bareLinux, environment });
  expect(found({ PATH })).toEqual({ path: installed, variables: {} });
  expect(found({ PATH, PLIMSOLL_CHROMIUM: chosen })).toEqual({ path: chosen, variables: {} });
  expect(found({ PATH: '', PLIMSOLL_CHROMIUM: '', XDG_CACHE_HOME: folder }).path).toMatch(
    /plimsoll.chromium-[\d.]+.chromium$/,
  );
});

test.each([
  ['a system without a package', { ...bareLinux, architecture: 'arm64' }, 'linux-arm64'],
  ['a choice that does not exist', { ...bareLinux, environment: { PLIMSOLL_CHROMIUM: '/no' } }, '/no'],
])('%s is told what to install', (_case, machine, value) => {
  expect(thrownBy(() => findChromium(machine))).toMatchObject({
    code: 'no-chromium',
    value,
    hint: expect.stringContaining('set PLIMSOLL_CHROMIUM'),
  });
});

test('a program that does not start is named, with what it said', async () => {
  const path = join(folder, 'broken');
  writeFileSync(path, '#!/bin/sh\necho no such library >&2\nexit 1\n', { mode: 0o755 });
  await expect(startChromium({ path, variables: {} })).rejects.toMatchObject({
    code: 'chromium-does-not-start',
    message: `the Chromium at ${path} does not start: no such library`,
  });
});

test.runIf(`${process.platform}-${process.arch}` === packagedSystem)(
  'the packaged Chromium is unpacked whole, by two at once, and measures text with its own fonts',
  async () => {
    const program = packagedChromium({ XDG_CACHE_HOME: folder });
    await Promise.all([unpackChromium(program), unpackChromium(program)]);
    expect(readdirSync(join(folder, 'plimsoll'))).toHaveLength(1);
    expect(existsSync(program.path)).toBe(true);
    const browser = await startChromium(program);
    const page = await browser.newPage();
    await page.setContent('<i style="font: 20px monospace">iiii</i><br><b style="font: 20px serif">iiii</b>');
    const widths = await page.evaluate(() =>
      ['i', 'b'].map((name) => {
        const element = document.querySelector(name);
        const narrow = element?.getBoundingClientRect().width ?? 0;
        if (element !== null) element.textContent = 'mmmm';
        return (element?.getBoundingClientRect().width ?? 0) / narrow;
      }),
    );
    await browser.close();
    expect(widths[0]).toBeCloseTo(1, 2);
    expect(widths[1]).toBeGreaterThan(2);
  },
);
