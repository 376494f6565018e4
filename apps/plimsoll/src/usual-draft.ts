/** Tokens that a draft proposes per step when nobody says otherwise: more are seldom all right. */
export const usualDraftTokens = 4;
