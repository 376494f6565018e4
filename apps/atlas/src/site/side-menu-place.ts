/** Scrolls the side menu to its place on the page before. Starlight's own script stores the place when a reader leaves. */

/** Starlight's key. */
const storageKey = 'sl-sidebar-state';

export function restoreMenuPlace(): void {
  const menu = document.getElementById('starlight__sidebar');
  // On a narrow screen the menu is closed.
  if (menu === null || !matchMedia('(min-width: 50em)').matches) return;
  const hash = menu.querySelector<HTMLElement>('[data-hash]')?.dataset.hash;
  const state: unknown = JSON.parse(sessionStorage.getItem(storageKey) ?? 'null');
  if (typeof state !== 'object' || state === null) return;
  const isSameMenu = 'hash' in state && state.hash === hash;
  if (isSameMenu && 'scroll' in state && typeof state.scroll === 'number') menu.scrollTop = state.scroll;
}
