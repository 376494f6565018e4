/**
 * Runs in the page: turns the heads of a table into sort buttons, by the pattern of the ARIA practices guide. The first click
 * sorts amounts from the largest and words from A; the next click reverses the order. Rows without a value stay last.
 */

export function startSorting(element: HTMLElement): void {
  const body = element.querySelector('tbody');
  const heads = [...element.querySelectorAll<HTMLTableCellElement>('thead th')];
  if (body === null) return;
  for (const [column, head] of heads.entries()) {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const before = head.ariaSort;
      const isAmount = head.classList.contains('amount');
      const isDescending = before === null ? isAmount : before === 'ascending';
      for (const other of heads) other.ariaSort = null;
      head.ariaSort = isDescending ? 'descending' : 'ascending';
      body.append(...sortedRows([...body.rows], { column, isAmount, isDescending }));
    });
  }
}

interface Order {
  readonly column: number;
  readonly isAmount: boolean;
  readonly isDescending: boolean;
}

function sortedRows(
  rows: readonly HTMLTableRowElement[],
  { column, isAmount, isDescending }: Order,
): readonly HTMLTableRowElement[] {
  const direction = isDescending ? -1 : 1;
  const keyed = rows.map((row) => {
    const cell = row.cells[column];
    const text = cell?.dataset.value ?? cell?.textContent?.trim() ?? '';
    return { row, text, value: isAmount && text !== '' ? Number(text) : Number.NaN };
  });
  const inOrder = new Intl.Collator(document.documentElement.lang, { numeric: true });
  keyed.sort((left, right) => {
    if (left.text === '' || right.text === '') return Number(left.text === '') - Number(right.text === '');
    const difference = isAmount ? left.value - right.value : inOrder.compare(left.text, right.text);
    return direction * difference;
  });
  return keyed.map(({ row }) => row);
}
