const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;

/**
 * Finds where a JSON value ends, in a text that comes in pieces, by counting braces and brackets outside of strings.
 * It takes what is no JSON as it comes: whatever ends there is for JSON.parse to judge.
 */
export class ValueScan {
  /** How deep objects and lists nest; 0 for a bare value. */
  deepest = 0;
  /** How many `"key":` were seen. */
  keys = 0;
  private depth = 0;
  private inString = false;
  private escaped = false;
  private afterString = false;

  /** Gets ready for the next value. */
  begin(): void {
    this.deepest = 0;
    this.keys = 0;
    this.depth = 0;
    this.inString = false;
    this.escaped = false;
    this.afterString = false;
  }

  /**
   * Goes on with the value, from `at`.
   * @param text one character a byte
   * @returns the index just after the value, or -1 where the text ends first
   */
  end(text: string, at: number): number {
    let i = at;
    const length = text.length;
    while (i < length) {
      if (this.inString) {
        i = this.endOfString(text, i);
        if (i < 0) return -1;
        if (this.depth === 0) return i;
        continue;
      }
      const code = text.charCodeAt(i);
      if (code === QUOTE) {
        this.inString = true;
        i++;
        continue;
      }
      if (code === COLON) {
        if (this.afterString) this.keys++;
        this.afterString = false;
      } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
        if (++this.depth > this.deepest) this.deepest = this.depth;
        this.afterString = false;
      } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
        if (this.depth === 0) return i;
        this.afterString = false;
        if (--this.depth === 0) return i + 1;
      } else if (this.depth === 0 && (code === COMMA || isSpace(code))) {
        return i;
      } else if (this.afterString && !isSpace(code)) {
        this.afterString = false;
      }
      i++;
    }
    return -1;
  }

  /** @returns the index just after the closing quote, or -1 where the text ends inside the string. */
  private endOfString(text: string, from: number): number {
    let i = from;
    if (this.escaped) {
      this.escaped = false;
      i++;
    }
    for (;;) {
      const quote = text.indexOf('"', i);
      const stop = quote < 0 ? text.length : quote;
      let slashes = 0;
      for (let k = stop - 1; k >= i && text.charCodeAt(k) === BACKSLASH; k--) slashes++;
      if (quote < 0) {
        this.escaped = slashes % 2 === 1;
        return -1;
      }
      i = quote + 1;
      if (slashes % 2 === 0) {
        this.inString = false;
        this.afterString = true;
        return i;
      }
    }
  }
}

/** The white space of JSON. */
export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
