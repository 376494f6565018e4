/** A heading whose level the page decides: the same piece stands under a title here and under a section there. */
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

/** Of a part within a part. */
export function below(level: HeadingLevel): HeadingLevel {
  if (level === 2) return 3;
  return level === 3 ? 4 : 5;
}
