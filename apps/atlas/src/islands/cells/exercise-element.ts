/** The self-check of an exercise: compares what was typed or chosen with the answer, and says so. */
import { isRight, readAnswer } from '../../cells/exercise-key.ts';

class ExerciseElement extends HTMLElement {
  connectedCallback(): void {
    const form = this.querySelector('form');
    if (form === null) return;
    form.hidden = false;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const status = form.querySelector('[role="status"]');
      if (status !== null) status.textContent = this.#judge(new FormData(form).get('answer')) ?? '';
    });
  }

  #judge(entry: FormDataEntryValue | null): string | undefined {
    const { kind, value = '', tolerance, right, wrong, empty, unread, unit = '' } = this.dataset;
    const text = typeof entry === 'string' ? entry : '';
    if (kind === 'choice') return text === '' ? empty : text === value ? right : wrong;
    const answer = readAnswer(text, unit);
    if (answer === null) return text.trim() === '' ? empty : unread;
    return isRight(answer, Number(value), Number(tolerance)) ? right : wrong;
  }
}

customElements.define('plimsoll-exercise', ExerciseElement);
