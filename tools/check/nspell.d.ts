/** The part of nspell that the spell-check uses; the package has no types of its own. */
declare module 'nspell' {
  interface Speller {
    correct(word: string): boolean;
    /** Returns similar known words, best first. */
    suggest(word: string): string[];
    add(word: string): Speller;
  }
  function nspell(dictionary: { readonly aff: Uint8Array; readonly dic: Uint8Array }): Speller;
  export default nspell;
}
