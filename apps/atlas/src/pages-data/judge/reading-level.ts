/**
 * How hard a text is to read, by the grade of Flesch and Kincaid (1975): 0.39 words per sentence + 11.8 syllables per word
 * - 15.59, in years of school. It counts lengths and nothing else, so it is a bound on run-away sentences and long words,
 * not a measure of clarity.
 *
 * Kincaid, Fishburne, Rogers, Chissom: Derivation of New Readability Formulas for Navy Enlisted Personnel, 1975,
 * https://stars.library.ucf.edu/istlibrary/56/
 */

/** Every text ends a sentence, because list entries often lack the point. */
export function readingGrade(texts: readonly string[]): number {
  const sentences = texts
    .flatMap(sentencesOf)
    .map(wordsOf)
    .filter((words) => words.length > 0);
  const words = sentences.flat();
  if (words.length === 0) return 0;
  const syllables = words.reduce((sum, word) => sum + syllableCount(word), 0);
  return 0.39 * (words.length / sentences.length) + 11.8 * (syllables / words.length) - 15.59;
}

/** A point ends a sentence when a space and no lower-case letter follow: "3.1 8B" and "e.g. this" go on. */
export function sentencesOf(text: string): readonly string[] {
  return text.split(/(?<=[.!?]["')]?)\s+(?=[^a-z\s])/).filter((sentence) => sentence.trim() !== '');
}

/** Words as a reader counts them: "first-token" is two, "131,072" one, a lone sign none. */
export function wordsOf(text: string): readonly string[] {
  return text.match(/[\p{L}\p{N}](?:[\p{L}\p{N}'’.,]*[\p{L}\p{N}])?/gu) ?? [];
}

/** A silent e: "cache", "used", "sometimes"; not "table", "sizes", "added". */
const silent =
  /(?<=[^aeiouy])(?:(?<![^aeiouyl]l)e$|(?<![cgsxz]|[cs]h|[^aeiouyl]l)es$|(?<![dt]|[^aeiouyl]l)ed$)|(?<=^som)e(?=[a-z])|(?<=^ev)e(?=r)/g;

/** Neighbouring vowels that are spoken apart: "ratio", "client", "actual", "create", "idea", "video", "being", "layer", "reuse". */
const apart =
  /(?<![cgstxl])i[aou]|tio$|(?<![ctr]|fr)ie(?=n[ct])|rie(?=n[ct])|(?<![gq])ua|(?<=cr)ea(?=t)|(?<=[aeiouy].*)ea$|(?<=id)eo|theo|(?<=[a-z])[eiy](?=ing$)|(?<=^sc|qu)ie|[aeou]y(?=[aeiou])|^reu|[iy]sm$|thms?$/g;

/**
 * Counts syllables by spelling: groups of vowels, minus silent vowels, plus neighboring vowels that are spoken apart. The
 * count is right for more than nine words of ten; its errors go both ways and even out over a page. A name without lower-case
 * letters ("GPU", "8B") and a number count as one, because their sound says nothing about the sentence.
 */
export function syllableCount(word: string): number {
  if (!/[a-z]/.test(word)) return 1;
  const letters = word.toLowerCase().replaceAll(/[^a-z]/g, '');
  const groups = letters.match(/[aeiouy]+/g)?.length ?? 0;
  const unspoken = letters.match(silent)?.length ?? 0;
  return Math.max(1, groups - unspoken + (letters.match(apart)?.length ?? 0));
}
