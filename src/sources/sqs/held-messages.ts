import { messageOf } from '../../domain/errors';
import type { Queue, ReceivedMessage } from './queue';

/**
 * Messages that were received and not yet deleted: kept from others while their batches are written into the ledger.
 * The owner releases them.
 */
export class HeldMessages {
  private readonly ended = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private deleted = false;

  constructor(
    private readonly queue: Queue,
    private readonly messages: ReceivedMessage[],
    private readonly log: { warn(fields: object, message: string): void },
  ) {
    // Well before the visibility ends, also where a call or two fail.
    this.timer = setInterval(() => void this.extend(), (queue.visibilityS * 1_000) / 3);
  }

  async delete(signal: AbortSignal): Promise<void> {
    await this.queue.delete(this.messages, signal);
    this.deleted = true;
  }

  /**
   * Ends the holding. What was not deleted comes again: at once where we stop, so that others go on with it; else
   * after its visibility timeout, so that a fault that lasts does not drive it into the dead-letter queue.
   */
  async release(atOnce: boolean): Promise<void> {
    clearInterval(this.timer);
    this.ended.abort();
    if (!this.deleted && atOnce) await this.queue.giveBack(this.messages);
  }

  private async extend(): Promise<void> {
    try {
      await this.queue.hide(this.messages, this.queue.visibilityS, this.ended.signal);
    } catch (error) {
      if (!this.ended.signal.aborted)
        this.log.warn({ error: messageOf(error) }, 'messages could not be kept from others; they come twice');
    }
  }
}
