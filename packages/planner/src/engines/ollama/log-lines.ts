/** Lines that Ollama prints itself; llama-server's lines in the same log are those of llama.cpp. */
import type { LogLine } from '../contract/log-line.ts';
import { printedBytes } from '../contract/log-numbers.ts';

export const ollamaLogLines: readonly LogLine[] = [
  // Releases before 0.30 compare the memory before they load a model.
  {
    words: 'model requires more system memory (',
    isMark: true,
    read: (line, at) => {
      const [, needed, unit, available, ofUnit] =
        /memory \(([\d.]+) (\w+)\) than is available \(([\d.]+) (\w+)\)/.exec(line.slice(at, at + 160)) ?? [];
      const [wanted, free] = [printedBytes(needed, unit), printedBytes(available, ofUnit)];
      if (wanted === null || free === null) return null;
      return {
        deviceBytes: free,
        error: {
          code: 'memory-short',
          message: `the model needs ${needed} ${unit} of system memory, and ${available} ${ofUnit} are free`,
          missingBytes: wanted - free,
        },
      };
    },
  },
];
