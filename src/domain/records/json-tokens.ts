/** A token of JSON text outside of its structure: where it starts and ends. */
export type JsonToken =
  | { kind: 'string' | 'number' | 'literal'; start: number; end: number }
  | { kind: '{' | '}' | '[' | ']' | ':' | ','; start: number; end: number };

const STRUCTURE = '{}[]:,';

/** Walks the tokens of a text that JSON.parse has accepted, without recursion, so that depth costs no stack. */
export function* jsonTokens(text: string): Generator<JsonToken> {
  let i = 0;
  while (i < text.length) {
    const char = text[i]!;
    if (char === ' ' || char === '\n' || char === '\r' || char === '\t') {
      i++;
    } else if (STRUCTURE.includes(char)) {
      yield { kind: char as '{', start: i, end: i + 1 };
      i++;
    } else if (char === '"') {
      const end = endOfString(text, i + 1);
      yield { kind: 'string', start: i, end };
      i = end;
    } else {
      const start = i;
      while (i < text.length && !' \n\r\t,]}:'.includes(text[i]!)) i++;
      const number = char === '-' || (char >= '0' && char <= '9');
      yield { kind: number ? 'number' : 'literal', start, end: i };
    }
  }
}

function endOfString(text: string, from: number): number {
  let i = from;
  for (;;) {
    const quote = text.indexOf('"', i);
    let slashes = 0;
    for (let k = quote - 1; k >= from && text[k] === '\\'; k--) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    i = quote + 1;
  }
}

/**
 * The one spelling of a JSON number's exact value: sign, digits without zeros at either end, exponent of ten.
 * `1`, `1.0` and `10e-1` are the same; so are `0` and `0.0`, but not `-0`.
 */
export function canonicalNumber(token: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token);
  if (!match) return token;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return `${sign}0`;
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - end);
  return `${sign}${digits.slice(0, end)}e${power}`;
}
