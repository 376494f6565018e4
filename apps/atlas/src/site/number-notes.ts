/**
 * Runs in the page: a click on a computed number shows its derivation beside it, in a popover. The words are those of the list
 * at the foot, where the number leads without JavaScript, and where the popover has a link to; from there one comes back to
 * the number that was clicked. Browsers without popovers follow the link.
 */

/** Between a number and its note, and between a note and the edge of the window, in pixels. */
const gap = 6;
const margin = 12;

/** The number whose note is shown: there is one note, which goes from number to number. */
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
    // The note says the same, at leisure.
    link.removeAttribute('title');
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      // A click by key has no press before it.
      const isPressed = event.detail > 0;
      if (shown === link || (isPressed && wasOpen)) note.hidePopover();
      else show(note, link, entry);
    });
    link.addEventListener('keydown', (event) => {
      if (event.key !== ' ') return;
      event.preventDefault();
      link.click();
    });
    // The browser closes an open note when the pointer goes down; the click that follows is not to open it again.
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
  // After the number in the page, so that the next key of Tab goes into the note.
  link.after(note);
  close.onclick = () => note.hidePopover();
  toFoot.onclick = () => {
    leadBackTo(link, entry);
    note.hidePopover();
  };
  // Of a note that closes here and opens there the browser tells once, and only that it is open.
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

/** Below the number, or above it where there is more room; it scrolls with the page. */
function placeBeside(note: HTMLElement, link: HTMLElement): void {
  const number = link.getClientRects()[0] ?? link.getBoundingClientRect();
  const { clientWidth, clientHeight } = document.documentElement;
  const isBelow = number.bottom + gap + note.offsetHeight <= clientHeight || number.top < clientHeight / 2;
  const top = isBelow ? number.bottom + gap : number.top - gap - note.offsetHeight;
  const left = Math.max(margin, Math.min(number.left, clientWidth - margin - note.offsetWidth));
  note.style.top = `${top + scrollY}px`;
  note.style.left = `${left + scrollX}px`;
}
