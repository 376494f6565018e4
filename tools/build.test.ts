/** People install the built program, so it must run without the sources. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

test('npm run build makes a program that plans, explains and runs models without TypeScript sources', () => {
  execFileSync(process.execPath, [join(root, 'tools/build.ts'), 'program'], { stdio: 'pipe' });
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-built-'));
  try {
    for (const part of ['bin', 'dist', 'package.json']) {
      cpSync(join(root, 'apps/plimsoll', part), join(folder, part), { recursive: true });
    }
    const answer = spawnSync(
      process.execPath,
      [join(folder, 'bin/plimsoll.js'), 'plan', 'gpt-oss-20b', '--gpu', 'h100', '--context', '8k', '--json'],
      { encoding: 'utf8' },
    );
    expect(answer.stderr).toBe('');
    expect(JSON.parse(answer.stdout).fits).toBe(true);
    const model = join(root, 'fixtures/engine/llama-3/q8_0.gguf');
    const limits = ['--memory', '512MiB', '--ctx', '256', '--threads', '2', '-n', '4'];
    const text = spawnSync(
      process.execPath,
      [join(folder, 'bin/plimsoll.js'), 'run', model, 'hello', ...limits, '--json'],
      { encoding: 'utf8' },
    );
    expect(text.stderr).toBe('');
    // A template runs in a separate process, whose entry is a separate file.
    const chat = join(folder, 'chat-model');
    cpSync(join(root, 'fixtures/engine/llama-3/checkpoint'), chat, { recursive: true });
    writeFileSync(join(chat, 'chat_template.jinja'), '{{ messages[0].content }}');
    const said = spawnSync(
      process.execPath,
      [join(folder, 'bin/plimsoll.js'), 'run', chat, 'hello', ...limits, '--json'],
      { encoding: 'utf8' },
    );
    expect(said.stderr).toBe('');
    expect(JSON.parse(said.stdout).tokens.output).toBe(4);
    const page = spawnSync(process.execPath, [join(folder, 'bin/plimsoll.js'), 'explain', 'kv cache'], {
      encoding: 'utf8',
    });
    expect(page.stderr).toBe('');
    expect(page.stdout).toContain('/docs/glossary/kv-cache');
    expect(JSON.parse(text.stdout).tokens.output).toBe(4);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
