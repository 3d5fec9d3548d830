const MASK = '********';
/** What is shorter would also be found in texts that have nothing to do with it. */
const LEAST_LENGTH = 8;

/** The text without these secrets: whoever was sent one may say it back. */
export function masked(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length >= LEAST_LENGTH)
    .reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
}
