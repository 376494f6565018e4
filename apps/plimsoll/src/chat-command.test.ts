/** Runs `chat` as users do: through a pipe, and on a pseudo terminal where Python can open one. */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { env, fixtures, plimsoll, program } from './program.test-data.ts';

const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-chat-command-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A chat model: a fixture's checkpoint with a template that writes the roles. */
const model = join(scratch, 'chat-model');
cpSync(join(fixtures, 'engine/llama-3/checkpoint'), model, { recursive: true });
const configPath = join(model, 'tokenizer_config.json');
const template =
  '{{ bos_token }}{% for message in messages %}[{{ message.role }}]{{ message.content }}\n{% endfor %}[assistant]';
const config: unknown = JSON.parse(readFileSync(configPath, 'utf8'));
writeFileSync(configPath, JSON.stringify({ ...Object(config), chat_template: template }));

const small = ['--memory', '400MiB', '--threads', '1', '--temp', '0'] as const;

describe('through a pipe', () => {
  const say = (...lines: readonly string[]) =>
    plimsoll(['chat', model, ...small, '--ctx', '512', '-n', '6'], lines.join('\n'));

  test('commands print to standard error, and the model does not see them', () => {
    const plain = say('hello').out;
    const { out, err } = say('/help', '/warp', '/set', '/system', 'hello', '/stats');
    expect(out).toBe(plain);
    expect(err).toContain('  /clear, /reset');
    expect(err).toContain('  there is no command /warp\n');
    expect(err).toContain('temperature 0 · top_k 40 (default)');
    expect(err).toContain('  no system message\n');
    expect(err).toMatch(/context \d+ of 512 tokens, 2 messages\n█.*│\nmemory /);
  });

  test('/retry answers the last message again; /set changes the answer', () => {
    const answer = say('hello').out;
    expect(say('hello', '/retry').out).toBe(answer + answer);
    const other = say('hello', '/set temperature 5', '/set seed 7', '/retry').out;
    expect(other.startsWith(answer)).toBe(true);
    expect(other).not.toBe(answer + answer);
    expect(say('/set max_tokens 3', 'hello').out.trimEnd()).toBe(
      plimsoll(['chat', model, ...small, '--ctx', '512', '-n', '3'], 'hello').out.trimEnd(),
    );
  });

  test('/system replaces the system message, as --system sets it', () => {
    const flag = plimsoll(
      ['chat', model, ...small, '--ctx', '512', '-n', '6', '--system', 'Be brief.'],
      'hello',
    );
    expect(say('/system Be brief.', 'hello').out).toBe(flag.out);
    expect(say('/system Be brief.', '/system -', 'hello').out).toBe(say('hello').out);
  });

  test('/save and /load continue a conversation in another process', () => {
    const path = join(scratch, 'saved.json');
    const whole = say('hello', 'and then?').out;
    const first = say('hello', `/save ${path}`).out;
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      messages: [{ role: 'user', content: 'hello' }, { role: 'assistant' }],
    });
    expect(first + say(`/load ${path}`, 'and then?').out).toBe(whole);
    const refused = say(`/save ${path}`);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.err).toContain('exists and is not overwritten');
  });
});

/**
 * Opens a pseudo terminal and plays a script of lines `WAIT<tab>KEYS`: the keys are sent as soon as the text to wait for
 * has appeared after the keys before. Prints all output and then the exit code.
 */
const terminal = `
import json, os, pty, select, sys, time
script = json.loads(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b""
start = 0
deadline = time.time() + 100
while time.time() < deadline:
    while script and script[0][0].encode() in seen[start:]:
        start = len(seen)
        os.write(fd, script.pop(0)[1].encode())
        time.sleep(0.05)
    if select.select([fd], [], [], 0.05)[0]:
        try:
            chunk = os.read(fd, 65536)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
else:
    os.kill(pid, 9)
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(seen)
print("\\nEXIT", os.waitstatus_to_exitcode(status))
`;

function canOpenTerminal(): boolean {
  try {
    execFileSync('python3', ['-c', 'import pty, os; os.close(pty.openpty()[0]); os.waitstatus_to_exitcode'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

type Script = readonly (readonly [waitFor: string, keys: string])[];

function onTerminal(script: Script, ...flags: readonly string[]): Promise<string> {
  const args = [program, 'chat', model, ...small, ...flags];
  const child = spawn('python3', ['-c', terminal, JSON.stringify(script), process.execPath, ...args], {
    env,
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  return new Promise((resolve) => child.once('close', () => resolve(out)));
}

describe.skipIf(!canOpenTerminal())('on a terminal (skipped where Python cannot open one)', () => {
  test('a line that is typed during an answer waits, is shown, and is answered', async () => {
    const out = await onTerminal(
      [
        ['/help prints', 'hello\r'],
        ['\n', 'first words\r'],
        ['> first words', ''],
        ['tokens/s', '/bye\r'],
      ],
      '--ctx',
      '4k',
      '-n',
      '600',
    );
    expect(out).toContain('[waits for this answer: first words]');
    expect(out.indexOf('[waits for this answer')).toBeLessThan(out.indexOf('> first words'));
    expect(out.match(/output 600 tokens/g)).toHaveLength(2);
    expect(out).toContain('EXIT 0');
  });

  test('Ctrl-C stops the answer, and the chat goes on; at the prompt it ends with 130', async () => {
    const out = await onTerminal(
      [
        ['/help prints', 'hello\r'],
        ['\n', '\u0003'],
        ['interrupted', '\u0003'],
      ],
      '--ctx',
      '16k',
    );
    expect(out).toContain('interrupted');
    expect(out).toContain('EXIT 130');
  });

  test('a mistake in a command leaves the chat open', async () => {
    const out = await onTerminal([
      ['/help prints', '/set temperature hot\r'],
      ['is not allowed', '/retry\r'],
      ['no message to answer', '/stats\r'],
      ['context 0 of', '/exit\r'],
    ]);
    expect(out).toContain('EXIT 0');
    expect(out).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
  });
});
