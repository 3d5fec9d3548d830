/** Escaped; the ten texts of an event stay together below the 3,000 characters that Slack allows for a block's text. */
const MAX_VALUE = 250;

/** Line breaks would start lines of their own, and marks that turn the direction of writing would reorder ours. */
const UNWANTED = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu;
/** Names that Slack may take for a mention of everybody when they stand after `@`. */
const EVERYBODY = /@(?=channel|here|everyone|group)/gi;
const WORD_JOINER = '\u2060';
const ESCAPED: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/**
 * Text of a stranger as it may stand in mrkdwn: on one line, bounded, with Slack's three characters escaped, so that it
 * is neither a mention (`<!here>`, `<@U1>`, `@channel`) nor a link of its own.
 */
export function slackText(value: string): string {
  const line = value.replaceAll(UNWANTED, ' ').trim().replaceAll(EVERYBODY, `@${WORD_JOINER}`);
  let text = '';
  for (const char of line.toWellFormed()) {
    const escaped = ESCAPED[char] ?? char;
    if (text.length + escaped.length >= MAX_VALUE) return `${text}…`;
    text += escaped;
  }
  return text;
}
