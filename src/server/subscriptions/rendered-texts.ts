/** Characters that are kept in all; an event with all that can be asked of it has a few thousand. */
const MOST_CHARACTERS = 8 * 1024 * 1024;

/**
 * Execution results as JSON text, kept for as long as others may ask for the same: subscriptions with different filters
 * get the same answer to the same event. The oldest go where there are too many.
 */
export class RenderedTexts {
  private readonly texts = new Map<string, string>();
  private readonly pending = new Map<string, Promise<string>>();
  private characters = 0;

  /** The text with this key; made where it isn't there. @throws as `make` does, and keeps nothing then */
  of(key: string, make: () => Promise<string>): string | Promise<string> {
    return this.texts.get(key) ?? this.pending.get(key) ?? this.made(key, make);
  }

  private async made(key: string, make: () => Promise<string>): Promise<string> {
    const making = make();
    this.pending.set(key, making);
    try {
      const text = await making;
      this.keep(key, text);
      return text;
    } finally {
      this.pending.delete(key);
    }
  }

  private keep(key: string, text: string): void {
    this.texts.set(key, text);
    this.characters += text.length;
    for (const [oldest, { length }] of this.texts) {
      if (this.characters <= MOST_CHARACTERS) return;
      this.texts.delete(oldest);
      this.characters -= length;
    }
  }
}
