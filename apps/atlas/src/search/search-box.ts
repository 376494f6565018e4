/**
 * The search field in the page: a combobox by the pattern of the ARIA practices guide. The first use fetches code and index.
 * After that an answer takes a few milliseconds, so every key gets an answer.
 */
import type { Search, SearchResult } from '@plimsoll/registry/search';
import { hrefOf } from '../rendering/site-links.ts';

export interface SearchBoxSettings {
  readonly words: {
    readonly loading: string;
    readonly none: string;
    readonly nothing: string;
    readonly failed: string;
    readonly results: string;
    readonly kinds: Readonly<Record<string, string>>;
  };
  /** Of the language's addresses. */
  readonly prefix: string;
  readonly indexUrl: string;
}

const resultsShown = 8;

export function startSearchBox(element: HTMLElement): void {
  const field = element.querySelector('input');
  const panel = element.querySelector<HTMLElement>('.results');
  const list = element.querySelector('ul');
  const status = element.querySelector('p');
  if (field === null || panel === null || list === null || status === null) return;
  // Our own template writes these attributes.
  const settings = JSON.parse(element.dataset.settings ?? '{}') as SearchBoxSettings;
  const box = new SearchBox({ field, panel, list, status }, settings);
  field.addEventListener('focus', () => void box.load());
  field.addEventListener('input', () => void box.ask());
  field.addEventListener('keydown', (event) => box.key(event));
  element.addEventListener('focusout', (event) => {
    if (!(event.relatedTarget instanceof Node && element.contains(event.relatedTarget))) box.close();
  });
  document.addEventListener('keydown', (event) => {
    const isTyping = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
    event.preventDefault();
    field.focus();
  });
}

interface Parts {
  readonly field: HTMLInputElement;
  readonly panel: HTMLElement;
  readonly list: HTMLUListElement;
  readonly status: HTMLElement;
}

class SearchBox {
  readonly #parts: Parts;
  readonly #settings: SearchBoxSettings;
  #loading: Promise<Search | null> | undefined;
  #results: readonly SearchResult[] = [];
  #selected = -1;

  constructor(parts: Parts, settings: SearchBoxSettings) {
    this.#parts = parts;
    this.#settings = settings;
  }

  load(): Promise<Search | null> {
    this.#loading ??= openIndex(this.#settings.indexUrl);
    return this.#loading;
  }

  async ask(): Promise<void> {
    const { field, panel, status } = this.#parts;
    const query = field.value.trim();
    if (query === '') return this.close();
    panel.hidden = false;
    if (this.#results.length === 0) status.textContent = this.#settings.words.loading;
    const search = await this.load();
    // A later key has asked already, or the field has lost the focus.
    if (field.value.trim() !== query) return;
    if (search === null) {
      this.#loading = undefined;
      status.textContent = this.#settings.words.failed;
      return;
    }
    this.#show(search.search(query, resultsShown), () => search.nearestWords(query));
  }

  #show(results: readonly SearchResult[], nearestWords: () => readonly string[]): void {
    const { list, status, field } = this.#parts;
    const { words, prefix } = this.#settings;
    this.#results = results;
    list.replaceChildren(
      ...results.map(({ id, title, route }, index) => {
        const item = document.createElement('li');
        item.id = `search-result-${index}`;
        item.role = 'option';
        const kind = document.createElement('span');
        kind.textContent = words.kinds[id.split('.', 1)[0] ?? ''] ?? '';
        const name = document.createElement('strong');
        name.textContent = title;
        item.append(name, kind);
        // This runs before the field loses the focus, which would close the list.
        item.addEventListener('pointerdown', (event) => event.preventDefault());
        item.addEventListener('click', () => location.assign(hrefOf(route, prefix)));
        return item;
      }),
    );
    field.setAttribute('aria-expanded', String(results.length > 0));
    this.#select(results.length > 0 ? 0 : -1);
    if (results.length > 0) {
      status.textContent = words.results.replace('{count}', String(results.length));
      return;
    }
    const nearest = nearestWords();
    status.textContent =
      nearest.length > 0 ? words.none.replace('{words}', nearest.join(', ')) : words.nothing;
  }

  key(event: KeyboardEvent): void {
    const count = this.#results.length;
    switch (event.key) {
      case 'ArrowDown':
      case 'ArrowUp': {
        if (count === 0) return;
        event.preventDefault();
        this.#select((this.#selected + (event.key === 'ArrowDown' ? 1 : count - 1)) % count);
        return;
      }
      case 'Enter': {
        const result = this.#results[this.#selected];
        if (result !== undefined) location.assign(hrefOf(result.route, this.#settings.prefix));
        return;
      }
      case 'Escape':
        if (!this.#parts.panel.hidden) event.preventDefault();
        this.close();
    }
  }

  #select(index: number): void {
    const { list, field } = this.#parts;
    this.#selected = index;
    for (const [place, item] of [...list.children].entries()) {
      item.setAttribute('aria-selected', String(place === index));
      if (place === index) item.scrollIntoView({ block: 'nearest' });
    }
    if (index < 0) field.removeAttribute('aria-activedescendant');
    else field.setAttribute('aria-activedescendant', `search-result-${index}`);
  }

  close(): void {
    this.#parts.panel.hidden = true;
    this.#parts.list.replaceChildren();
    this.#results = [];
    this.#parts.field.setAttribute('aria-expanded', 'false');
    this.#parts.field.removeAttribute('aria-activedescendant');
  }
}

async function openIndex(url: string): Promise<Search | null> {
  try {
    const [{ openSearch }, response] = await Promise.all([import('@plimsoll/registry/search'), fetch(url)]);
    return response.ok ? openSearch(await response.text()) : null;
  } catch {
    // The reader is offline, or the page is older than the site: the field says so, and the next key tries again.
    return null;
  }
}
