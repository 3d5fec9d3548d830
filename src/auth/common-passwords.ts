import { dictionary } from '@zxcvbn-ts/language-common';

/** As leaks show them, commonest first: 49,000. */
const RANKED = dictionary['passwords-common'].map(String);
const COMMON: ReadonlySet<string> = new Set(RANKED);
/** Requirement D1 asks for so many; these are refused with a habitual ending as well. */
const STEMS: ReadonlySet<string> = new Set(RANKED.slice(0, 3_000));
/** What people put behind a word to satisfy a rule: a year, a few digits, a mark. */
const ENDING = /[0-9!@#$%.*?]{1,5}$/;

/** Whether a password is among the commonest, or one character again and again, in whatever case it is typed. */
export function isCommonPassword(password: string): boolean {
  const lower = password.toLowerCase();
  return COMMON.has(lower) || STEMS.has(lower.replace(ENDING, '')) || /^(.)\1*$/u.test(lower);
}
