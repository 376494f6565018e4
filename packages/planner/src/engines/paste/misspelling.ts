/** Returns true if the words differ by one inserted, deleted or replaced letter, or by two swapped letters. */
export function isOneEditApart(left: string, right: string): boolean {
  if (left === right || Math.abs(left.length - right.length) > 1) return false;
  let start = 0;
  while (start < left.length && left[start] === right[start]) start++;
  let end = 0;
  const shorter = Math.min(left.length, right.length) - start;
  while (end < shorter && left.at(-1 - end) === right.at(-1 - end)) end++;
  const [inLeft, inRight] = [left.slice(start, left.length - end), right.slice(start, right.length - end)];
  if (inLeft.length <= 1 && inRight.length <= 1) return true;
  return inLeft.length === 2 && inLeft[0] === inRight[1] && inLeft[1] === inRight[0] && inRight.length === 2;
}
