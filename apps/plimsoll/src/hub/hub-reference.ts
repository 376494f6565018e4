/** `hf:organisation/name[:VARIANT][@REVISION]`: a model in a repository of the Hub. */
import { PlimsollError } from '@plimsoll/foundation';

export interface HubReference {
  /** `organisation/name`. */
  readonly id: string;
  /** A quantisation such as `Q4_K_M`, or the path of a GGUF file; null leaves the choice to the program. */
  readonly variant: string | null;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

const usualRevision = 'main';
/** The second spelling is known from Ollama. */
const schemes = /^(?:hf:|hf\.co\/|huggingface\.co\/)/;
const form =
  /^(?<id>[\w.-]{1,96}\/[\w.-]{1,96})(?::(?<variant>[\w.+ /-]{1,240}))?(?:@(?<revision>[\w./-]{1,200}))?$/;

export function isHubReference(text: string): boolean {
  return schemes.test(text);
}

export function parseHubReference(text: string): HubReference {
  const { id, variant, revision } = form.exec(text.replace(schemes, ''))?.groups ?? {};
  const isSafe = [id, revision].every((part) => !/(?:^|\/)\.{1,2}(?:\/|$)/.test(part ?? ''));
  if (id !== undefined && isSafe)
    return { id, variant: variant ?? null, revision: revision ?? usualRevision };
  throw new PlimsollError({
    code: 'bad-hub-reference',
    message: `"${text}" names no model of the Hub`,
    value: text,
    limit: 'hf:organisation/name, then :Q4_K_M or :file.gguf, then @revision',
    hint: 'hf:bartowski/SmolLM2-135M-Instruct-GGUF:Q4_K_M',
  });
}

export function hubReferenceText({ id, variant, revision }: HubReference): string {
  const file = variant === null ? '' : `:${variant}`;
  return `hf:${id}${file}${revision === usualRevision ? '' : `@${revision}`}`;
}
