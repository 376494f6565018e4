/** Scrolls the side menu to its place on the page before. Starlight's own script stores the place when a reader leaves. */

/** Starlight's key. */
const storageKey = 'sl-sidebar-state';

const menu = document.getElementById('starlight__sidebar');
const hash = menu?.querySelector<HTMLElement>('[data-hash]')?.dataset.hash;
const state: unknown = JSON.parse(sessionStorage.getItem(storageKey) ?? 'null');
if (
  menu !== null &&
  typeof state === 'object' &&
  state !== null &&
  'hash' in state &&
  state.hash === hash &&
  'scroll' in state &&
  typeof state.scroll === 'number' &&
  matchMedia('(min-width: 50em)').matches
) {
  menu.scrollTop = state.scroll;
}
