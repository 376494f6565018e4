/**
 * Runs in the page: a click on a computed number opens a popover with its derivation. The popover has the words of the list at
 * the foot of the page and a link to that list, which leads back to the clicked number. Without JavaScript or popovers the
 * number itself links to the list.
 */

/** Gaps in pixels: between a number and its note, and between a note and the edge of the window. */
const gap = 6;
const margin = 12;

/** The number whose note is open. The page has one note, which moves from number to number. */
let shown: HTMLAnchorElement | null = null;

export function startNumberNotes(page: Document): void {
  const template = page.querySelector<HTMLTemplateElement>('template#number-note');
  const note = template?.content.firstElementChild?.cloneNode(true);
  if (!(note instanceof HTMLElement) || !('popover' in HTMLElement.prototype)) return;
  for (const link of page.querySelectorAll<HTMLAnchorElement>('a.computed')) {
    const entry = page.getElementById(link.hash.slice(1));
    if (entry === null) continue;
    let wasOpen = false;
    link.role = 'button';
    link.ariaHasPopup = 'dialog';
    link.ariaExpanded = 'false';
    // The note replaces the tooltip, which says the same.
    link.removeAttribute('title');
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      // A click from the keyboard has no pointer event before it.
      const isPressed = event.detail > 0;
      if (shown === link || (isPressed && wasOpen)) note.hidePopover();
      else show(note, link, entry);
    });
    link.addEventListener('keydown', (event) => {
      if (event.key !== ' ') return;
      event.preventDefault();
      link.click();
    });
    // The browser closes an open note when the pointer goes down. The click that follows must not open it again.
    link.addEventListener('pointerdown', () => {
      wasOpen = shown === link;
    });
  }
}

function show(note: HTMLElement, link: HTMLAnchorElement, entry: HTMLElement): void {
  const text = note.querySelector('.number-note-text');
  const toFoot = note.querySelector('a');
  const close = note.querySelector('button');
  if (text === null || toFoot === null || close === null) return;
  if (note.matches(':popover-open')) note.hidePopover();
  mark(link);
  text.replaceChildren(...[...(entry.querySelector('dd')?.cloneNode(true).childNodes ?? [])]);
  toFoot.href = link.hash;
  note.ariaLabel = link.textContent;
  // The note follows the number in the document, so that the Tab key moves into the note.
  link.after(note);
  close.onclick = () => note.hidePopover();
  toFoot.onclick = () => {
    leadBackTo(link, entry);
    note.hidePopover();
  };
  // For a note that closes and opens elsewhere, the browser sends one event, which says that it is open.
  note.ontoggle = (event) => {
    if (event.newState === 'closed') mark(null);
  };
  note.showPopover();
  placeBeside(note, link);
  note.focus({ preventScroll: true });
}

function mark(link: HTMLAnchorElement | null): void {
  if (shown !== null) shown.ariaExpanded = 'false';
  shown = link;
  if (link !== null) link.ariaExpanded = 'true';
}

/** The way back from the foot leads to where the reader came from. */
function leadBackTo(link: HTMLAnchorElement, entry: HTMLElement): void {
  const back = entry.querySelector<HTMLAnchorElement>('a.back');
  if (back === null) return;
  if (link.id === '') link.id = `${entry.id}-here`;
  back.hash = link.id;
}

/** Places the note below the number, or above it if there is more room. The note scrolls with the page. */
function placeBeside(note: HTMLElement, link: HTMLElement): void {
  const number = link.getClientRects()[0] ?? link.getBoundingClientRect();
  const { clientWidth, clientHeight } = document.documentElement;
  const isBelow = number.bottom + gap + note.offsetHeight <= clientHeight || number.top < clientHeight / 2;
  const top = isBelow ? number.bottom + gap : number.top - gap - note.offsetHeight;
  const left = Math.max(margin, Math.min(number.left, clientWidth - margin - note.offsetWidth));
  note.style.top = `${top + scrollY}px`;
  note.style.left = `${left + scrollX}px`;
}
