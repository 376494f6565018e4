/**
 * The Content-Security-Policy of the site. Every built page carries its own policy in a tag, so that any file server sends
 * it; a header repeats the policy and adds the directive that browsers read from a header alone.
 */

/** What every response of the site may do. Workers and responses that are not pages have no inline parts. */
export const pageDirectives: readonly string[] = [
  "default-src 'self'",
  // Starlight's style sheets hold a few icons as data.
  "img-src 'self' data:",
  "worker-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  // Forms are handled by scripts; none is sent.
  "form-action 'none'",
];

/** Browsers read this directive from a header alone. */
const headerDirective = "frame-ancestors 'none'";

/** The header of a response that is no page. */
export const filePolicy: string = [...pageDirectives, headerDirective].join('; ');

const writtenTag = /<meta http-equiv="Content-Security-Policy" content="([^"]*)"\/>/;

/** The tag of a policy, for the head of a page. */
export function policyTag(policy: string): string {
  return `<meta http-equiv="Content-Security-Policy" content="${policy}"/>`;
}

/** The header for a built page: the policy that the page carries, and the directive that only a header can state. */
export function headerPolicy(html: string): string {
  const policy = writtenTag.exec(html)?.[1];
  return policy === undefined ? filePolicy : `${policy}; ${headerDirective}`;
}
