/** The slash commands of `plimsoll chat`: their names, and how a line is recognised as a command. */

export type ChatCommandName =
  | 'help'
  | 'clear'
  | 'system'
  | 'set'
  | 'retry'
  | 'stats'
  | 'save'
  | 'load'
  | 'exit';

interface Command {
  readonly name: ChatCommandName;
  /** Every word for the command; the help shows the first two. */
  readonly words: readonly [string, ...string[]];
  readonly argument: string;
  readonly help: string;
}

/** Words that users of ollama and llama.cpp type work too. */
const commands: readonly Command[] = [
  { name: 'clear', words: ['/clear', '/reset', '/new'], argument: '', help: 'start a new conversation' },
  {
    name: 'retry',
    words: ['/retry', '/regenerate', '/regen'],
    argument: '',
    help: 'answer the last message again',
  },
  {
    name: 'system',
    words: ['/system'],
    argument: '[TEXT]',
    help: 'print or replace the system message; /system - removes it',
  },
  {
    name: 'set',
    words: ['/set'],
    argument: '[NAME VALUE]',
    help: 'print or change a setting: /set temperature 0.5',
  },
  {
    name: 'stats',
    words: ['/stats', '/memory', '/show'],
    argument: '',
    help: 'speed of the last answer, context, memory',
  },
  { name: 'save', words: ['/save'], argument: 'FILE', help: 'write the conversation as JSON' },
  { name: 'load', words: ['/load'], argument: 'FILE', help: 'continue a saved conversation' },
  { name: 'help', words: ['/help', '/?'], argument: '', help: 'print the commands' },
  { name: 'exit', words: ['/exit', '/bye', '/quit', '/q'], argument: '', help: 'end the program' },
];

export type ChatLine =
  | { readonly kind: 'command'; readonly name: ChatCommandName; readonly argument: string }
  | { readonly kind: 'unknown'; readonly word: string }
  | { readonly kind: 'message'; readonly text: string }
  | { readonly kind: 'empty' };

/**
 * Reads a line. A line that begins with a command is never sent to the model, nor is a single word after a slash; every
 * other line is a message, such as "/etc/hosts is what?".
 */
export function readChatLine(line: string): ChatLine {
  const text = line.trim();
  if (text === '') return { kind: 'empty' };
  const [, word = '', argument = ''] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
  const found = commands.find(({ words }) => words.includes(word.toLowerCase()));
  if (found !== undefined && (argument === '' || found.argument !== ''))
    return { kind: 'command', name: found.name, argument };
  if (/^\/[a-z?]+$/i.test(text)) return { kind: 'unknown', word: text };
  return { kind: 'message', text: line };
}

export function chatCommandsHelp(): string {
  const rows = commands.map(({ words, argument, help }) => {
    const names = words.slice(0, 2).join(', ');
    return [`${names}${argument === '' ? '' : ` ${argument}`}`, help] as const;
  });
  const width = Math.max(...rows.map(([names]) => names.length));
  return [
    ...rows.map(([names, help]) => `  ${names.padEnd(width)}  ${help}`),
    `  ${'Ctrl-C'.padEnd(width)}  stop the answer; twice: end the program`,
  ].join('\n');
}
