import { RenderedTexts } from '../src/server/subscriptions/rendered-texts';

const MEGABYTE = 'x'.repeat(1024 * 1024);

describe('what was rendered for a subscription', () => {
  test('is rendered once for all that ask at the same time, and for those that ask later', async () => {
    const texts = new RenderedTexts();
    let made = 0;
    const make = async (): Promise<string> => {
      made++;
      await new Promise(setImmediate);
      return 'text';
    };
    const together = [texts.of('key', make), texts.of('key', make)];
    expect(await Promise.all(together)).toEqual(['text', 'text']);
    expect(await texts.of('key', make)).toBe('text');
    expect(made).toBe(1);
  });

  test('is tried anew after a failure', async () => {
    const texts = new RenderedTexts();
    await expect(texts.of('key', () => Promise.reject(new Error('as it happens')))).rejects.toThrow(
      'as it happens',
    );
    expect(await texts.of('key', async () => 'text')).toBe('text');
  });

  test('is kept up to 8 Mi characters, the newest', async () => {
    const texts = new RenderedTexts();
    for (let n = 0; n < 9; n++) await texts.of(`key ${n}`, async () => MEGABYTE);
    const again = async (n: number): Promise<boolean> => {
      let made = false;
      await texts.of(`key ${n}`, async () => {
        made = true;
        return 'anew';
      });
      return made;
    };
    expect(await again(8)).toBe(false);
    expect(await again(1)).toBe(false);
    expect(await again(0)).toBe(true);
  });
});
