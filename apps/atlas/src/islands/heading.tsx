/** A heading whose level the page decides: one page has the piece under its title, another under a section. */
import type { ReactNode } from 'react';

export type HeadingLevel = 2 | 3 | 4 | 5;

export function Heading({
  level,
  children,
}: {
  readonly level: HeadingLevel;
  readonly children: ReactNode;
}): ReactNode {
  const Tag = `h${level}` as const;
  return <Tag className="island-heading">{children}</Tag>;
}

/** The level of a part within a part. */
export function below(level: HeadingLevel): HeadingLevel {
  if (level === 2) return 3;
  return level === 3 ? 4 : 5;
}
