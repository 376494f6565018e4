import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { type BuildName, buildNames, preferredBuild } from './builds.ts';

/** Counts a SIMD instruction: the prefix 0xfd, then its number in LEB128. */
async function occurrences(build: BuildName, instruction: number): Promise<number> {
  const module = await readFile(new URL(`../../dist/kernels-${build}.wasm`, import.meta.url));
  const code = Buffer.from([0xfd, (instruction & 0x7f) | 0x80, instruction >> 7]);
  let count = 0;
  for (let at = module.indexOf(code); at >= 0; at = module.indexOf(code, at + 1)) count++;
  return count;
}

test('each build has the dot product of its name, and the baseline has no relaxed instruction', async () => {
  const relaxed = { dot16: 0x112, dot32: 0x113, multiplyAdd: 0x105 };
  const table: Record<string, Record<string, boolean>> = {};
  for (const build of buildNames) {
    const row: Record<string, boolean> = {};
    for (const [name, number] of Object.entries(relaxed)) row[name] = (await occurrences(build, number)) > 0;
    table[build] = row;
  }
  expect(table).toEqual({
    simd: { dot16: false, dot32: false, multiplyAdd: false },
    relaxed: { dot16: true, dot32: false, multiplyAdd: true },
    'relaxed-dot32': { dot16: false, dot32: true, multiplyAdd: true },
  });
});

test('this runtime supports relaxed SIMD and prefers a relaxed build', () => {
  expect(preferredBuild()).toBe('relaxed');
});

test('a module has no data segments, so the caller owns every byte of an arena', async () => {
  for (const build of buildNames) {
    const module = await readFile(new URL(`../../dist/kernels-${build}.wasm`, import.meta.url));
    const sections: number[] = [];
    for (let at = 8; at < module.length; ) {
      sections.push(module[at] ?? 0);
      let size = 0;
      let shift = 0;
      for (at++; ; at++, shift += 7) {
        size |= ((module[at] ?? 0) & 0x7f) << shift;
        if ((module[at] ?? 0) < 0x80) break;
      }
      at += 1 + size;
    }
    const dataSection = 11;
    expect(sections, build).not.toContain(dataSection);
  }
});
