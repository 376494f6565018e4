/** Runs in the page: a field over a table hides the rows that lack one of its words. */

export function startFilter(element: HTMLElement): void {
  const field = element.querySelector('input');
  const output = element.querySelector('output');
  if (field === null || output === null) return;
  const rows = [...element.querySelectorAll<HTMLElement>('tbody tr')].map((row) => ({
    row,
    text: (row.textContent ?? '').toLowerCase(),
  }));
  const apply = (): void => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, text } of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown++;
    }
    output.textContent = (element.dataset.shown ?? '')
      .replace('{shown}', String(shown))
      .replace('{count}', String(rows.length));
  };
  field.addEventListener('input', apply);
  apply();
}
