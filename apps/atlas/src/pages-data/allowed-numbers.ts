/** Words with a number in them that is neither computed nor cited, each with the reason why it may be typed. */
export const allowedNumbers: Readonly<Record<string, string>> = {
  'a million tokens': 'the amount that prices of tokens are quoted for',
  'such as 4090 or h100': 'an example of what can be typed: the name of a card',
  '8192, 8k or 128k': 'examples of what can be typed: three ways to write a number of tokens',
};
