import { setTimeout } from 'node:timers/promises';

/** Waits until a condition holds, asking again and again. @throws naming what was waited for, and the last error */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string,
  withinMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  let last: unknown = null;
  for (;;) {
    try {
      if (await condition()) return;
      last = null;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline)
      throw new Error(`waited ${withinMs} ms in vain until ${what}${last ? `: ${String(last)}` : ''}`);
    await setTimeout(20);
  }
}
