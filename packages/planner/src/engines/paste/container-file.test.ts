/** Compose and Kubernetes files as commands. */
import { engineFlags } from '@plimsoll/registry';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { commandOfContainerFile } from './container-file.ts';
import { pastedEngines } from './pasted-engines.ts';
import { readCommand } from './read-command.ts';

const compose = `services:
  server:
    image: vllm/vllm-openai:v0.11.0
    environment:
      - VLLM_USE_V1=1
    ports:
      - "8000:8000"
    command: >
      --model Qwen/Qwen3-32B-AWQ
      --max-model-len 32768
    deploy:
      resources: {}
`;

const pod = `containers:
- name: sglang
  image: "lmsysorg/sglang:v0.5.9"
  command: ["python3", "-m", "sglang.launch_server"]
  args:
  - --model-path
  - Qwen/Qwen3-8B
  - --tp
  - '2'
  ports:
  - containerPort: 30000
`;

test.each([
  [
    'a folded command',
    compose,
    'docker run -e VLLM_USE_V1=1 vllm/vllm-openai:v0.11.0 --model Qwen/Qwen3-32B-AWQ --max-model-len 32768',
  ],
  [
    'lists',
    pod,
    `docker run "lmsysorg/sglang:v0.5.9" "python3" "-m" "sglang.launch_server" --model-path Qwen/Qwen3-8B --tp '2'`,
  ],
  [
    'a list alone',
    "args:\n  - trtllm-serve\n  - serve\n  - Qwen/Qwen3-8B\n  - '--tp_size'\n  - '2'\n",
    "trtllm-serve serve Qwen/Qwen3-8B '--tp_size' '2'",
  ],
  ['a shell command', 'vllm serve Qwen/Qwen3-8B --max-model-len 4096\n', null],
  ['no command', 'image: vllm/vllm-openai\n', null],
])('%s', (_case, text, command) => {
  expect(commandOfContainerFile(text)).toBe(command);
});

test('the engine, release, model and flags of a file', () => {
  const engines = pastedEngines.map((face) => ({ face, known: engineFlags(face.name) }));
  const { engine, release, model, flags } = readCommand(pod, engines);
  expect([engine, release, model, flags.get('tp')]).toEqual(['sglang', '0.5.9', 'Qwen/Qwen3-8B', '2']);
});

test('any text is read without an error', () => {
  const line = fc.constantFrom(
    'image: x',
    'command:',
    '  - a',
    'args: [',
    'command: |',
    '  --b',
    '',
    '# c',
    'args: [a, "b, c"]',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(line, fc.string()), { maxLength: 12 }), (lines) => {
      const command = commandOfContainerFile(lines.join('\n'));
      expect(command === null || command.length > 0).toBe(true);
    }),
  );
});
