/** Where Apollo Sandbox runs: its pages may call us while APOLLO_SANDBOX is on. */
export const SANDBOX_ORIGINS = [
  'https://studio.apollographql.com',
  'https://sandbox.embed.apollographql.com',
];

/**
 * Which pages may call us from a browser. No Origin (not a browser) and our own pages always may; others where they
 * are listed.
 */
export class Origins {
  private readonly allowed: ReadonlySet<string>;

  constructor(allowed: string[]) {
    this.allowed = new Set(allowed);
  }

  /** @param host the Host header of the request */
  allows(origin: string | undefined, host: string | undefined): boolean {
    if (origin === undefined || this.allowed.has(origin)) return true;
    return host !== undefined && URL.canParse(origin) && new URL(origin).host === host;
  }
}
