import { expect, test } from 'vitest';
import { ggufPreTokenizer } from './gguf-pre-tokenizers.ts';
import { compilePattern } from './pattern.ts';
import { runPreTokenizer } from './pre-tokenizer.ts';

function found(pattern: string, text: string): readonly string[] {
  return compilePattern(pattern).pieces(text);
}

test('what JavaScript would read otherwise', () => {
  expect({
    whiteSpace: found('\\s', 'a\u0085b\ufeffc'),
    digits: found('\\d+', '12 ٣٤ ½'),
    word: found('\\w+', 'été_1 日本'),
    boundary: found('\\bé', 'é éa aé'),
    lineEnd: found('a$', 'a\nba'),
    dot: found('.+', 'a\rb\nc'),
    possessive: found('a?+ab|b', 'aab ab'),
    atomic: found('(?>a|ab)c|b', 'abc ac'),
    ignoringCase: found("(?i:'s)|k", "'S 'ſ K"),
    intersection: found('[\\p{L}&&[^\\p{Han}a-m]]+', 'abcxyz船ñ'),
    brackets: found('[()\\[\\]{}/|-]+', 'a(b)[c]{d}/|-'),
    quantifiedTwice: found('(?:\\d{2})+', '12345'),
  }).toMatchInlineSnapshot(`
    {
      "atomic": [
        "b",
        "ac",
      ],
      "boundary": [
        "é",
        "é",
      ],
      "brackets": [
        "(",
        ")[",
        "]{",
        "}/|-",
      ],
      "digits": [
        "12",
        "٣٤",
      ],
      "dot": [
        "a
    b",
        "c",
      ],
      "ignoringCase": [
        "'S",
        "'ſ",
      ],
      "intersection": [
        "xyz",
        "ñ",
      ],
      "lineEnd": [
        "a",
        "a",
      ],
      "possessive": [
        "aab",
        "b",
      ],
      "quantifiedTwice": [
        "1234",
      ],
      "whiteSpace": [
        "",
      ],
      "word": [
        "été_1",
        "日本",
      ],
    }
  `);
});

test('the pieces of one sentence, by pre-tokenizer', () => {
  const text = "I'LL pay 12345€ for\n\n  Überseekoffer_2, ok?";
  const names = ['gpt-2', 'llama3', 'qwen2', 'smollm', 'deepseek-v3', 'gpt-4o', 'falcon'];
  const pieces = names.map((name) => {
    const { preTokenizer } = ggufPreTokenizer(name);
    return [name, runPreTokenizer(preTokenizer, text, true).join('|')];
  });
  expect(Object.fromEntries(pieces)).toMatchInlineSnapshot(`
    {
      "deepseek-v3": "I|'LL| pay| |123|45|€| for|

    | | Überseekoffer|_|2|,| ok|?",
      "falcon": "I|'|LL|Ġpay|Ġ|123|45|âĤ¬|Ġfor|ĊĊĠ|ĠÃľberseekoffer|_|2|,|Ġok|?",
      "gpt-2": "I|'|LL| pay| 12345|€| for|

     | Überseekoffer|_|2|,| ok|?",
      "gpt-4o": "I'LL| pay| |123|45|€| for|

    | | Überseekoffer|_|2|,| ok|?",
      "llama3": "I|'LL| pay| |123|45|€| for|

    | | Überseekoffer|_|2|,| ok|?",
      "qwen2": "I|'LL| pay| |1|2|3|4|5|€| for|

    | | Überseekoffer|_|2|,| ok|?",
      "smollm": "I|'|LL| pay| |1|2|3|4|5|€| for|

     | Überseekoffer|_|2|,| ok|?",
    }
  `);
});
