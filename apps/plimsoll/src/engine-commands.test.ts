/** Runs `run` and `chat` as users do: as processes, on the engine's small random models. */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';
import { env, fixtures, llama, type Outcome, plimsoll, program } from './program.test-data.ts';

const other = join(fixtures, 'engine/llama-bias/f32.gguf');
const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-engine-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A chat model: a fixture's checkpoint with a template that writes the roles. */
const chatModel = join(scratch, 'chat-model');
cpSync(join(fixtures, 'engine/llama-3/checkpoint'), chatModel, { recursive: true });
const configPath = join(chatModel, 'tokenizer_config.json');
const chatTemplate =
  '{{ bos_token }}{% for message in messages %}[{{ message.role }}]{{ message.content }}\n{% endfor %}[assistant]';
const tokenizerConfig = JSON.parse(readFileSync(configPath, 'utf8')) as Record<string, unknown>;
writeFileSync(configPath, JSON.stringify({ ...tokenizerConfig, chat_template: chatTemplate }));

const { eos_token: eosToken } = tokenizerConfig;
const endToken = typeof eosToken === 'string' ? eosToken : String((eosToken as { content?: string }).content);

/** Hostile models: a template that renders 2^40 texts, and a normalizer that backtracks. */
const endlessModel = join(scratch, 'endless-model');
cpSync(chatModel, endlessModel, { recursive: true });
const endlessTemplate = `{% set x = ['a'] %}${'{% set x = [x, x] %}'.repeat(40)}{{ x | tojson }}`;
writeFileSync(
  join(endlessModel, 'tokenizer_config.json'),
  JSON.stringify({ ...tokenizerConfig, chat_template: endlessTemplate }),
);
const hangingModel = join(scratch, 'hanging-model');
cpSync(chatModel, hangingModel, { recursive: true });
const tokenizerPath = join(hangingModel, 'tokenizer.json');
const tokenizerFile = JSON.parse(readFileSync(tokenizerPath, 'utf8')) as Record<string, unknown>;
const normalizer = { type: 'Replace', pattern: { Regex: '(a|aa)+$' }, content: '' };
writeFileSync(tokenizerPath, JSON.stringify({ ...tokenizerFile, normalizer }));

/** Flags for small engines that are equal on every machine. */
const small = ['--memory', '400MiB', '--ctx', '256', '--threads', '1'] as const;

function runJson(...args: readonly string[]) {
  const { out } = plimsoll(['run', ...args, ...small, '--json']);
  return outputSchemas.run.parse(JSON.parse(out));
}

/** Interrupts the program after its first output. */
async function interrupted(...args: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').once('data', () => child.kill('SIGINT'));
  child.stdout.on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}

describe('run', () => {
  test('greedy: the same text twice, on standard output; figures and memory on standard error', () => {
    const args = ['run', llama, 'hello world', '-n', '24', '--temp', '0', ...small];
    const first = plimsoll(args);
    expect(first.code).toBe(0);
    expect(first.out.length).toBeGreaterThan(10);
    expect(plimsoll(args).out).toBe(first.out);
    expect(plimsoll([...args.slice(0, 2), ...args.slice(3)], 'hello world\n').out).toBe(first.out);
    const [speed, memory] = first.err.split('\n');
    expect(speed).toMatch(
      /^prompt \d+ tokens at [\d,.]+ tokens\/s · output 24 tokens at [\d,.]+ tokens\/s · loaded in .+$/,
    );
    expect(memory).toMatch(
      /^memory [\d.]+ \w+ of 0\.39 GiB \(--memory\): runtime .+weights 293\.81 KiB.+kv-cache .+$/,
    );
  });

  test('--json: tokens, timings, and a process below its limit', () => {
    const answer = runJson(llama, 'hello', '-n', '8', '--temp', '0', '--seed', '7');
    expect(answer.tokens).toMatchObject({ cached: 0, output: 8 });
    expect(answer.tokens.ids).toHaveLength(8);
    expect(answer.settings).toMatchObject({ context: 256, kvType: 'fp16', threads: 1, seed: 7 });
    expect(answer.end).toBe('length');
    expect(answer.memory.heldBytes).toBeLessThanOrEqual(answer.memory.limitBytes);
    expect(answer.memory.residentBytes).toBeLessThanOrEqual(answer.memory.limitBytes);
  });

  test("the ledger equals the plan's ledger, entry by entry", () => {
    const flags = ['--memory', '400MiB', '--threads', '1', '--kv-type', 'q8_0'];
    const planned = plimsoll([
      'plan',
      llama,
      '--gpu',
      'generic-cpu',
      '--engine',
      'plimsoll',
      '--context',
      '256',
      ...flags,
      '--json',
    ]);
    const { ledger } = outputSchemas.plan.parse(JSON.parse(planned.out));
    const held = runJson(llama, 'hello', '-n', '1', '--kv-type', 'q8_0').memory.ledger;
    const sums = ({ entries }: typeof ledger): Record<string, number> => {
      const byName: Record<string, number> = {};
      for (const { category, tag, tier, bytes } of entries) {
        const name = `${category}/${tag} (${tier})`;
        byName[name] = (byName[name] ?? 0) + bytes;
      }
      return byName;
    };
    expect(sums(held)).toEqual(sums(ledger));
  });

  test('sampling: a seed repeats the text, another seed differs, and a stop text ends the answer', () => {
    const sampled = (seed: string) => runJson(llama, 'hello', '-n', '24', '--temp', '2', '--seed', seed).text;
    expect(sampled('1')).toBe(sampled('1'));
    expect(sampled('2')).not.toBe(sampled('1'));
    const greedy = ['hello world', '-n', '24', '--temp', '0'];
    const { text } = runJson(llama, ...greedy);
    const stop = text.slice(8, 10);
    const stopped = runJson(llama, ...greedy, '--stop', stop);
    expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)));
    expect(stopped.end).toBe('stop');
  });

  test('a prompt on standard input is unchanged with --raw, and else loses one final newline', () => {
    const tokensOf = (flags: readonly string[], prompt: string, piped: boolean): number => {
      const args = ['run', chatModel, ...(piped ? [] : [prompt]), ...flags, '-n', '1', ...small, '--json'];
      return outputSchemas.run.parse(JSON.parse(plimsoll(args, piped ? prompt : '').out)).tokens.prompt;
    };
    expect(tokensOf(['--raw'], 'a b  \n', true)).toBe(tokensOf(['--raw'], 'a b  \n', false));
    expect(tokensOf(['--raw'], 'a b  \n', true)).toBeGreaterThan(tokensOf(['--raw'], 'a b', false));
    expect(tokensOf([], 'a b  \n', true)).toBe(tokensOf([], 'a b  ', false));
  });

  test('a control token in a message is text; --raw reads it as a token', () => {
    const tokens = (prompt: string, ...flags: readonly string[]): number =>
      outputSchemas.run.parse(
        JSON.parse(plimsoll(['run', chatModel, prompt, ...flags, '-n', '1', ...small, '--json']).out),
      ).tokens.prompt;
    expect(tokens(`x${endToken}`, '--raw')).toBe(tokens('x', '--raw') + 1);
    expect(tokens(`x${endToken}`)).toBeGreaterThan(tokens('x') + 1);
  });

  test('--draft: the same greedy text in fewer steps, with the planned memory', () => {
    const draft = join(fixtures, 'engine/llama-3/q8_0.gguf');
    const flags = ['--draft', draft, '--draft-tokens', '3'];
    const greedy = ['hello world', '-n', '33', '--temp', '0', '--kv-type', 'f32'];
    const [plain, drafted] = [runJson(llama, ...greedy), runJson(llama, ...greedy, ...flags)];
    expect(drafted.text).toBe(plain.text);
    expect(plain).toMatchObject({ speculation: null, settings: { draft: null, draftTokens: 0 } });
    expect(drafted.settings).toMatchObject({ draft, draftTokens: 3 });
    expect(drafted.speculation?.tokensPerStep).toBeGreaterThan(1.5);
    const planned = plimsoll([
      'plan',
      llama,
      '--engine',
      'plimsoll',
      ...small,
      '--kv-type',
      'f32',
      ...flags,
      '--json',
    ]);
    const { ledger, engine } = outputSchemas.plan.parse(JSON.parse(planned.out));
    const ofDraft = ({ entries }: typeof ledger) =>
      entries.flatMap(({ category, tag, tier, bytes }) =>
        category === 'draft' ? [{ tag, tier, bytes }] : [],
      );
    expect(ofDraft(drafted.memory.ledger)).toEqual(ofDraft(ledger));
    expect(ofDraft(ledger).length).toBeGreaterThan(3);
    expect(engine.command).toContain(`--draft ${draft} --draft-tokens 3`);
    const { err } = plimsoll(['run', llama, ...greedy, ...flags, ...small]);
    expect(err).toMatch(/ · draft \d\.\d\d tokens per step, \d+ % accepted · loaded in /);
  });

  test('--overflow slide: an answer longer than the context, with the number of dropped tokens', () => {
    const flags = ['hello world', '-n', '300', '--temp', '0'];
    const slid = runJson(llama, ...flags, '--overflow', 'slide', '--keep', '3');
    expect(slid.tokens.output).toBe(300);
    expect(slid.tokens.dropped).toBeGreaterThan(100);
    const { err } = plimsoll(['run', llama, ...flags, '--overflow', 'slide', ...small]);
    expect(err).toContain(' tokens slid out of the context');
    const refused = plimsoll(['run', llama, ...flags, '--keep', '3', ...small]);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('--keep has no effect without --overflow slide');
  });

  test('a model with a chat template gets the prompt as a message, except with --raw', () => {
    const prompted = (...flags: string[]) => runJson(chatModel, 'hi', '-n', '1', ...flags).tokens.prompt;
    const raw = prompted('--raw');
    expect(prompted()).toBeGreaterThan(raw + '[user][assistant]'.length / 4);
  });

  test('--json-schema: complete JSON that conforms to the schema, within the token limit', () => {
    const schema = join(scratch, 'schema.json');
    const properties = { tonnage: { type: 'integer' }, afloat: { type: 'boolean' } };
    const required = Object.keys(properties);
    writeFileSync(
      schema,
      JSON.stringify({ type: 'object', properties, required, additionalProperties: false }),
    );
    for (const seed of ['1', '2']) {
      const flags = ['-n', '48', '--temp', '1', '--seed', seed, '--json-schema', schema];
      const { text, end } = runJson(llama, 'hello', ...flags);
      const ship: unknown = JSON.parse(text);
      expect(ship).toEqual({ tonnage: expect.any(Number), afloat: expect.any(Boolean) });
      expect(end).toBe('stop');
    }
  });

  test('Ctrl-C prints the answer so far, and exits with 130', async () => {
    const args = [
      'run',
      llama,
      'hello',
      '--temp',
      '0',
      '--ctx',
      '16k',
      '--memory',
      '400MiB',
      '--threads',
      '1',
    ];
    const { code, out, err } = await interrupted(...args);
    expect(code).toBe(130);
    expect(out.endsWith('\n')).toBe(true);
    expect(err).toContain('interrupted');
  });
});

describe('refusals', () => {
  test('too little memory: exit code 2, the missing bytes, and the changes that help', () => {
    const { code, out, err } = plimsoll(['run', llama, 'hello', '--memory', '205MiB', '--ctx', '16k']);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toMatchInlineSnapshot(`
      "plimsoll: f16.gguf with one sequence of 16k tokens needs 0.21 GiB; 0.20 GiB are allowed: 5.16 MiB short
        allowed: 0.20 GiB of memory
        try: --kv-type q8_0: keep the KV cache in q8_0 (needs 0.20 GiB); or --ctx 9472: limit the context to 9,472 tokens (needs 0.20 GiB); or --memory 211MiB
      "
    `);
    const asJson = plimsoll(['bench', llama, '--memory', '64MiB', '--json']);
    expect(asJson.code).toBe(2);
    expect(outputSchemas.error.parse(JSON.parse(asJson.out)).error.code).toBe('over-memory-budget');
  });

  test.each([
    [['--ctx', '1M'], 'accepts 16384 tokens of context, not 1048576', '  try: --ctx 16384'],
    [['--kv-type', 'int4'], '"int4" is not a KV cache type', '  allowed: f16, q8_0, f32'],
  ])('%j: the error names the limit of the engine and the flag', (flags, message, line) => {
    const { err } = plimsoll(['run', llama, 'hello', ...flags]);
    expect(err).toContain(message);
    expect(err).toContain(line);
  });

  test('the model runs with the advice of a refusal', () => {
    const args = ['run', llama, 'hello', '-n', '2', '--temp', '0', '--ctx', '16k', '--memory', '205MiB'];
    const { error } = outputSchemas.error.parse(JSON.parse(plimsoll([...args, '--json']).out));
    const [advice = ''] = (error.hint ?? '').split(': ');
    expect(advice).toMatch(/^--/);
    expect(plimsoll([...args, ...advice.split(' ')]).code).toBe(0);
  });

  test.each([
    ['a name alone', ['run', 'llama-3.1-8b', 'hi'], 'no-such-file'],
    ['a damaged file', ['run', join(scratch, 'torn.gguf'), 'hi'], 'gguf-data-beyond-end'],
    [
      'a family that is not modelled',
      ['run', join(fixtures, 'gguf/value-types.gguf'), 'hi'],
      'unsupported-architecture',
    ],
    ['a context that is too short', ['run', llama, 'hi', '-n', '999', ...small], 'context-overflow'],
    ['a context beyond the model', ['run', llama, 'hi', '--ctx', '1M'], 'context-too-long'],
    ['a test beyond the model', ['bench', llama, '-p', '20000', '-n', '0'], 'context-too-long'],
    ['an unknown cache type', ['run', llama, 'hi', '--kv-type', 'int4'], 'bad-kv-format'],
    ['a cache type without kernels', ['run', llama, 'hi', '--kv-type', 'q4_0'], 'bad-kv-format'],
    ['an amount without a unit', ['run', llama, 'hi', '--memory', '4G'], 'bad-bytes'],
    ['a flag out of range', ['run', llama, 'hi', '--top-p', '2'], 'bad-flag'],
    ['an unknown flag', ['run', llama, 'hi', '--warp', '9'], 'unknown-option'],
    [
      'a missing schema',
      ['run', llama, 'hi', ...small, '--json-schema', join(scratch, 'none.json')],
      'file-not-found',
    ],
    ['a draft of another vocabulary', ['run', llama, 'hi', ...small, '--draft', other], 'draft-vocabulary'],
    ['draft tokens without a draft', ['run', llama, 'hi', '--draft-tokens', '2'], 'bad-flag'],
    ['no prompt', ['run', llama], 'missing-prompt'],
    ['a prompt beyond the context', ['run', llama, 'x '.repeat(60_000), ...small], 'prompt-too-long'],
    ['a template that does not end', ['run', endlessModel, 'hi', ...small], 'chat-template-limit'],
    ['a pattern that backtracks', ['run', hangingModel, 'hi', '--raw', ...small], 'tokenizer-pattern'],
    ['a base model in a chat', ['chat', llama, ...small], 'no-chat-template'],
    ['no test', ['bench', llama, '-p', '0', '-n', '0'], 'nothing-to-measure'],
    ['a missing file', ['inspect', join(scratch, 'nothing.gguf')], 'no-such-file'],
  ])('%s: exit code 1 and an error with a code', (_, args, errorCode) => {
    writeFileSync(join(scratch, 'torn.gguf'), readFileSync(llama).subarray(0, 50_000));
    const { code, out, err } = plimsoll([...args, ...(args[0] === 'chat' ? [] : ['--json'])]);
    expect(code).toBe(1);
    if (args[0] === 'chat') expect(err).toContain('has no chat template');
    else {
      const { error } = outputSchemas.error.parse(JSON.parse(out));
      expect(error.code).toBe(errorCode);
      expect(err).toContain(error.message);
    }
  });
});

describe('chat', () => {
  test('turns in one conversation, /reset, /exit', () => {
    const flags = ['--temp', '0', '-n', '6', ...small];
    const say = (...lines: readonly string[]) => plimsoll(['chat', chatModel, ...flags], lines.join('\n'));
    const one = say('hello');
    expect(one).toMatchObject({ code: 0, err: '' });
    const two = say('hello', 'what else').out;
    expect(two.startsWith(one.out)).toBe(true);
    const second = two.slice(one.out.length);
    expect(second).not.toBe('');
    expect(second).not.toBe(say('what else').out);
    expect(say('hello', '/reset', 'hello', '/exit', 'hello').out).toBe(one.out + one.out);
  });

  test('a conversation that outgrows its context stops, or slides with --overflow slide', () => {
    const lines = Array.from({ length: 8 }, (_, turn) => `${turn}: ${'so it goes, '.repeat(9)}`);
    const say = (...flags: readonly string[]) =>
      plimsoll(['chat', chatModel, '--temp', '0', '-n', '4', ...small, ...flags], lines.join('\n'));
    const stopped = say();
    expect(stopped.code).toBe(1);
    expect(stopped.err).toContain('the context is 256');
    const slid = say('--overflow', 'slide', '--system', 'Be brief.');
    expect(slid).toMatchObject({ code: 0, err: '' });
    expect(slid.out.startsWith(stopped.out)).toBe(false);
  });
});
