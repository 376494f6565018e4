/**
 * Makes a still graph interactive at the reader's request. React and React Flow are a hundred kilobytes, and most readers do
 * not need them. The still picture stays in the page for print.
 */
import type { FlowData } from './graph-data.ts';

class GraphElement extends HTMLElement {
  connectedCallback(): void {
    const button = this.querySelector('button');
    const source = this.querySelector('script[type="application/json"]')?.textContent;
    if (button === null || source === undefined || source === null) return;
    button.hidden = false;
    button.addEventListener('click', () => {
      button.disabled = true;
      // The site's own build wrote this JSON, so its shape is not checked again.
      void this.#open(JSON.parse(source) as FlowData).then(() => button.remove());
    });
  }

  async #open(data: FlowData): Promise<void> {
    const { showFlow } = await import('./graph-flow.tsx');
    const place = document.createElement('div');
    place.className = 'graph-flow';
    this.append(place);
    showFlow(place, data);
    this.dataset.open = 'true';
  }
}

customElements.define('plimsoll-graph', GraphElement);
