/** A chat with the served model: streamed, with a stop button, reasoning and tool calls. */
import { type FormEvent, type ReactNode, useId, useRef, useState } from 'react';
import type { LiveWords } from '../words.ts';
import { type ChatMessage, message, parseTools, streamAnswer } from './state/chat.ts';
import type { ServerAddress } from './state/connection.ts';

/** Older messages leave the page and the prompt. */
const messagesMax = 40;
const answerTokensMax = 512;

interface Chat {
  readonly messages: readonly ChatMessage[];
  readonly problem: string;
  readonly isAnswering: boolean;
  ask(address: ServerAddress, text: string, tools: readonly unknown[]): Promise<void>;
  stop(): void;
  clear(): void;
  tell(problem: string): void;
}

function useChat(): Chat {
  const [messages, setMessages] = useState<readonly ChatMessage[]>([]);
  const [problem, setProblem] = useState('');
  const [isAnswering, setAnswering] = useState(false);
  const running = useRef<AbortController | null>(null);
  const ask = async (address: ServerAddress, text: string, tools: readonly unknown[]): Promise<void> => {
    const asked = [...messages, message('user', text)].slice(-messagesMax);
    const controller = new AbortController();
    running.current = controller;
    const { signal } = controller;
    setProblem('');
    setAnswering(true);
    setMessages([...asked, message('assistant', '')]);
    try {
      await streamAnswer(
        address,
        { messages: asked, tools, maxTokens: answerTokensMax },
        { grown: (answer) => setMessages([...asked, answer]), signal },
      );
    } catch (error) {
      if (!signal.aborted) setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setAnswering(false);
    }
  };
  return {
    messages,
    problem,
    isAnswering,
    ask,
    stop: () => running.current?.abort(),
    clear: () => {
      setMessages([]);
      setProblem('');
    },
    tell: setProblem,
  };
}

export function ChatPanel({
  address,
  words,
}: {
  /** Null while no server answers. */
  readonly address: ServerAddress | null;
  readonly words: LiveWords;
}): ReactNode {
  const chat = useChat();
  const { messages, problem, isAnswering } = chat;
  const [text, setText] = useState('');
  const [tools, setTools] = useState('');
  const textId = useId();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (address === null || isAnswering || text.trim() === '') return;
    try {
      const offered = parseTools(tools);
      setText('');
      void chat.ask(address, text.trim(), offered);
    } catch {
      chat.tell(words.wrongTools);
    }
  };
  return (
    <div className="live-chat">
      <Messages messages={messages} words={words} />
      <p className="visually-hidden" role="status">
        {isAnswering ? words.answering : ''}
      </p>
      {problem !== '' && (
        <p className="live-problem" role="alert">
          {problem}
        </p>
      )}
      <form onSubmit={submit}>
        <label htmlFor={textId} className="visually-hidden">
          {words.message}
        </label>
        <input
          id={textId}
          value={text}
          placeholder={words.message}
          autoComplete="off"
          onInput={(event) => setText(event.currentTarget.value)}
        />
        {/* Keys, because a click on a button that becomes the other one would also submit the form. */}
        {isAnswering ? (
          <button key="stop" type="button" onClick={chat.stop}>
            {words.stop}
          </button>
        ) : (
          <button key="send" type="submit" disabled={address === null || text.trim() === ''}>
            {words.send}
          </button>
        )}
        <button type="button" disabled={isAnswering || messages.length === 0} onClick={chat.clear}>
          {words.clear}
        </button>
      </form>
      <ToolsField tools={tools} setTools={setTools} words={words} />
    </div>
  );
}

function ToolsField({
  tools,
  setTools,
  words,
}: {
  readonly tools: string;
  readonly setTools: (text: string) => void;
  readonly words: LiveWords;
}): ReactNode {
  const toolsId = useId();
  return (
    <details>
      <summary>{words.tools}</summary>
      <label htmlFor={toolsId}>{words.toolsLabel}</label>
      <textarea
        id={toolsId}
        rows={5}
        spellCheck={false}
        value={tools}
        onInput={(event) => setTools(event.currentTarget.value)}
      />
    </details>
  );
}

function Messages({
  messages,
  words,
}: {
  readonly messages: readonly ChatMessage[];
  readonly words: LiveWords;
}): ReactNode {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls the messages.
    <section className="live-messages" tabIndex={0} aria-label={words.messages}>
      {messages.length === 0 && <p className="live-empty">{words.noMessages}</p>}
      {messages.map((one, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: messages are only appended.
        <Message key={index} message={one} words={words} />
      ))}
    </section>
  );
}

function Message({
  message: { role, content, reasoning, toolCalls },
  words,
}: {
  readonly message: ChatMessage;
  readonly words: LiveWords;
}): ReactNode {
  return (
    <div className="live-message" data-role={role}>
      <b>{role === 'user' ? words.you : words.model}</b>
      {reasoning !== '' && (
        <details open={content === ''}>
          <summary>{words.reasoning}</summary>
          <p>{reasoning}</p>
        </details>
      )}
      {content !== '' && <p>{content}</p>}
      {toolCalls.map(({ id, name, arguments: input }) => (
        <pre key={id}>
          <code>
            {name} {input}
          </code>
        </pre>
      ))}
      {content === '' && reasoning === '' && toolCalls.length === 0 && <p aria-hidden="true">…</p>}
    </div>
  );
}
