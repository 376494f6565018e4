import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tools/**/*.test.ts'],
    testTimeout: 30_000,
    // Output of a test run is the test report; a library that prints is a defect.
    onConsoleLog: (log) => {
      throw new Error(`a test printed to the console: ${log}`);
    },
  },
});
