/**
 * A folder of text files. Readers of records and pages read through this contract only, so a test passes files in
 * memory, a site may bundle them, and tools read a folder.
 */
export interface TextFiles {
  /** Path of the folder from the repository's root, for messages: `packages/registry/data`. */
  readonly root: string;
  /** Files relative to the folder, with forward slashes, sorted. */
  readonly paths: readonly string[];
  /** The text of one of `paths`. */
  read(path: string): string;
}

export function textFilesFrom(root: string, files: Readonly<Record<string, string>>): TextFiles {
  return {
    root,
    paths: Object.keys(files).sort(),
    read: (path) => {
      const text = Object.hasOwn(files, path) ? files[path] : undefined;
      if (text === undefined) throw new RangeError(`${root} has no file ${path}`);
      return text;
    },
  };
}
