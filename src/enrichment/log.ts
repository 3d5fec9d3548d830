/** What enrichment needs of a logger. */
export interface EnrichmentLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}
