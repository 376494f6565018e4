/**
 * Lists every sentence of a page's messages with its place and its role. The checks of links, numbers, spelling and length
 * and the search index read this list, so a new kind of text in the messages is added here alone.
 */
import type { Block, Messages } from './messages-schema.ts';

/**
 * `title` and `description` are plain words. `label` is plain words too. The others are inline text;
 * only `prose` is made of sentences that go on, so only that is measured for reading level.
 */
export type TextRole = 'title' | 'description' | 'label' | 'prose' | 'cell' | 'formula';

export interface MessageText {
  /** Place in the file: `sections.what-it-is.body[0]`. */
  readonly key: string;
  readonly role: TextRole;
  readonly text: string;
}

/** In reading order: title, summary, sections, figures and the other pieces, reasons of related pages. */
export function messageTexts(messages: Messages): readonly MessageText[] {
  return [
    { key: 'title', role: 'title', text: messages.title },
    { key: 'description', role: 'description', text: messages.description },
    ...listTexts('summary', messages.summary),
    ...entriesOf(messages.sections).flatMap(([id, { title, body }]): readonly MessageText[] => [
      { key: `sections.${id}.title`, role: 'title', text: title },
      ...blockTexts(`sections.${id}.body`, body),
    ]),
    ...pieceTexts(messages),
    ...recordTexts('related', 'prose', messages.related),
  ];
}

/** The texts of a list of blocks. */
function blockTexts(key: string, blocks: readonly Block[]): readonly MessageText[] {
  return blocks.flatMap((block, index): readonly MessageText[] => {
    const place = `${key}[${index}]`;
    if (typeof block === 'string') return [{ key: place, role: 'prose', text: block }];
    if (Array.isArray(block)) return listTexts(place, block);
    if ('steps' in block) return listTexts(`${place}.steps`, block.steps);
    if ('formula' in block) {
      return [
        { key: `${place}.formula`, role: 'formula', text: block.formula },
        ...recordTexts(`${place}.where`, 'cell', block.where),
      ];
    }
    const { caption, head, rows } = block.table;
    return [
      { key: `${place}.table.caption`, role: 'cell', text: caption },
      ...listTexts(`${place}.table.head`, head, 'cell'),
      ...rows.flatMap((cells, row) => listTexts(`${place}.table.rows[${row}]`, cells, 'cell')),
    ];
  });
}

/** Words of figures, interactive pieces, code cells and exercises. */
function pieceTexts(messages: Messages): readonly MessageText[] {
  const figures = entriesOf(messages.figures).flatMap(([id, figure]): readonly MessageText[] => [
    { key: `figures.${id}.alt`, role: 'label', text: figure.alt },
    { key: `figures.${id}.caption`, role: 'prose', text: figure.caption },
    ...entriesOf(figure.nodes).flatMap(([node, words]) =>
      recordTexts(`figures.${id}.nodes.${node}`, 'label', words),
    ),
    ...recordTexts(`figures.${id}.edges`, 'label', figure.edges),
  ]);
  const islands = entriesOf(messages.islands).flatMap(([id, island]): readonly MessageText[] => [
    { key: `islands.${id}.title`, role: 'title', text: island.title },
    ...optional(`islands.${id}.lead`, 'prose', island.lead),
    ...recordTexts(`islands.${id}.labels`, 'label', island.labels),
  ]);
  const cells = entriesOf(messages.cells).flatMap(([id, cell]): readonly MessageText[] => [
    { key: `cells.${id}.title`, role: 'title', text: cell.title },
    ...blockTexts(`cells.${id}.lead`, cell.lead ?? []),
    ...entriesOf(cell.inputs).flatMap(([name, input]): readonly MessageText[] => [
      { key: `cells.${id}.inputs.${name}.label`, role: 'label', text: input.label },
      ...optional(`cells.${id}.inputs.${name}.note`, 'label', input.note),
      ...recordTexts(`cells.${id}.inputs.${name}.choices`, 'label', input.choices),
    ]),
    ...recordTexts(`cells.${id}.labels`, 'label', cell.labels),
    ...blockTexts(`cells.${id}.reading`, cell.reading ?? []),
  ]);
  const exercises = entriesOf(messages.exercises).flatMap(([id, exercise]): readonly MessageText[] => [
    ...optional(`exercises.${id}.title`, 'title', exercise.title),
    ...blockTexts(`exercises.${id}.question`, exercise.question),
    ...recordTexts(`exercises.${id}.choices`, 'label', exercise.choices),
    ...optional(`exercises.${id}.hint`, 'prose', exercise.hint),
    ...optional(`exercises.${id}.right`, 'prose', exercise.right),
    ...optional(`exercises.${id}.wrong`, 'prose', exercise.wrong),
    ...blockTexts(`exercises.${id}.answer`, exercise.answer),
  ]);
  return [...figures, ...islands, ...cells, ...exercises];
}

function listTexts(key: string, texts: readonly string[], role: TextRole = 'prose'): readonly MessageText[] {
  return texts.map((text, index) => ({ key: `${key}[${index}]`, role, text }));
}

function recordTexts(
  key: string,
  role: TextRole,
  record: Readonly<Record<string, string | undefined>> | undefined,
): readonly MessageText[] {
  return entriesOf(record).flatMap(([name, text]) => optional(`${key}.${name}`, role, text));
}

function optional(key: string, role: TextRole, text: string | undefined): readonly MessageText[] {
  return text === undefined ? [] : [{ key, role, text }];
}

function entriesOf<Value>(record: Readonly<Record<string, Value>> | undefined): readonly [string, Value][] {
  return Object.entries(record ?? {});
}
