import fc from 'fast-check';
import { expect, test } from 'vitest';
import { commandLengthMax, shellCommands } from './shell-text.ts';

const words = (text: string): readonly (readonly string[])[] =>
  shellCommands(text).map((command) => command.words);

test('quotes, continuations and JSON are parsed as in a shell', () => {
  expect(words(`vllm serve 'a b' "c \\"d\\"" e\\ f \\\n  --x '{"a": 1}' --y={\\"b\\":2}`)).toEqual([
    ['vllm', 'serve', 'a b', 'c "d"', 'e f', '--x', '{"a": 1}', '--y={"b":2}'],
  ]);
});

test('damage of a paste is repaired: typographic dashes and quotes, white space after a continuation, bare JSON', () => {
  expect(words('vllm serve m \\  \n —max-model-len 5 –dtype “half” \\\r\n --z {"a": [1, 2]} b')).toEqual([
    ['vllm', 'serve', 'm', '--max-model-len', '5', '--dtype', 'half', '--z', '{"a": [1, 2]}', 'b'],
  ]);
  expect(words('llama-server ^\n -m x `\n -c 5')).toEqual([['llama-server', '-m', 'x', '-c', '5']]);
  expect(words('```bash\n$ vllm serve m\n```')).toEqual([['vllm', 'serve', 'm']]);
});

test('variables that the text has set are expanded; others keep their names', () => {
  const [command] = shellCommands(
    'export MODEL=org/name\nSIZE=4; A=1 B="2 3" vllm serve $MODEL -tp #{SIZE} --x #{OTHER:-7} --y $UNKNOWN "$MODEL/z"'.replaceAll(
      '#{',
      '\u0024{',
    ),
  );
  expect(command?.words).toEqual([
    'vllm',
    'serve',
    'org/name',
    '-tp',
    '4',
    '--x',
    '7',
    '--y',
    '$UNKNOWN',
    'org/name/z',
  ]);
  expect([...(command?.assignments ?? [])]).toEqual([
    ['MODEL', 'org/name'],
    ['A', '1'],
    ['B', '2 3'],
  ]);
});

test('prompts and paths of Windows stay whole, and JSON after an equals sign keeps its quotes', () => {
  expect(words('(env) PS C:\\a b\\c> .\\llama-server.exe -m "E:\\x y\\m.gguf" -c 5')).toEqual([
    ['.\\llama-server.exe', '-m', 'E:\\x y\\m.gguf', '-c', '5'],
  ]);
  expect(words('C:\\Users\\me>llama-server -m C:\\m.gguf')).toEqual([['llama-server', '-m', 'C:\\m.gguf']]);
  expect(words('vllm serve m --x={"a": "b c"} --y [1, 2]')).toEqual([
    ['vllm', 'serve', 'm', '--x={"a": "b c"}', '--y', '[1, 2]'],
  ]);
});

test('several commands are separated; redirections and comments are dropped', () => {
  expect(words('pip install x && nohup a b > log.txt 2>&1 &\n# c\nd | tee e ; f < in <key> # g')).toEqual([
    ['pip', 'install', 'x'],
    ['nohup', 'a', 'b'],
    ['d'],
    ['tee', 'e'],
    ['f', '<key>'],
  ]);
});

test('a quote that is not closed, and a text that is no command, are refused', () => {
  expect(() => shellCommands("vllm serve 'm")).toThrow(/quote is not closed/);
  expect(() => shellCommands('x'.repeat(commandLengthMax + 1))).toThrow(/is no command/);
});

test('any text is read or refused, and quoting a word gives the word back', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => {
      try {
        shellCommands(text);
      } catch (error) {
        expect(error).toMatchObject({ code: 'bad-command' });
      }
    }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[ -&(-\]_a-~]{1,20}$/), { minLength: 1, maxLength: 6 }),
      (given) => {
        const quoted = given.map((word) => `'${word}'`).join(' ');
        expect(words(`x ${quoted}`)).toEqual([['x', ...given]]);
      },
    ),
  );
});

test('the time of a hostile text is linear in its length', () => {
  for (const unit of ['{', '"a\\', "'", '$', '\\\n', '{"a":', '<', '`\n', '\\ \t', '# ', '&&']) {
    const start = performance.now();
    try {
      shellCommands(unit.repeat(Math.floor(commandLengthMax / unit.length)));
    } catch (error) {
      expect(error).toMatchObject({ code: 'bad-command' });
    }
    expect(performance.now() - start, unit).toBeLessThan(10_000);
  }
});
