import { setMaxListeners } from 'node:events';
import { messageOf } from '../../domain/errors';
import { Slots } from '../../domain/slots';
import { type Standing, standingOf } from '../../domain/webhook';
import { Holder, type HolderParts } from './holder';

/**
 * Webhooks that one worker holds at a time. Half of the places are kept for those that do not fail, and half of these
 * for those that are known to answer: a thousand that were just made may all be dead.
 */
const HOLDERS = 64;
const UNPROVEN_HOLDERS = (HOLDERS * 3) / 4;
const FAILING_HOLDERS = HOLDERS / 2;
/** Holders of webhooks that are not known to answer, of which so many at a time read or write: the others' turn comes. */
const UNPROVEN_AT_THE_STORE = 4;

/** Takes webhooks that have something to look at, each for as long as it has. */
export class Forwarder {
  private readonly slots = new Slots(HOLDERS);
  private readonly unprovenSlots = new Slots(UNPROVEN_HOLDERS);
  private readonly failingSlots = new Slots(FAILING_HOLDERS);
  private readonly storeSlots = new Slots(UNPROVEN_AT_THE_STORE);
  private readonly held = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();

  constructor(private readonly parts: Omit<HolderParts, 'storeSlots'>) {
    // Each holder listens once.
    setMaxListeners(HOLDERS + 1, this.stopping.signal);
  }

  /** Looks at everything that nobody holds. */
  async lookAll(): Promise<void> {
    if (this.stopping.signal.aborted || this.slots.free === 0) return;
    const head = await this.parts.commits.head();
    const untried = this.unprovenSlots.free;
    const most = { proven: this.slots.free, untried, failing: Math.min(untried, this.failingSlots.free) };
    for (const id of await this.parts.webhookLeases.dueIds(head, most)) this.look(id);
  }

  /** Takes a webhook if there is a place for it and nobody holds it; goes on in the background. */
  look(id: string): void {
    if (this.stopping.signal.aborted || this.held.has(id) || !this.slots.tryAcquire()) return;
    const work = this.hold(id)
      .catch((error: unknown) =>
        this.parts.log.warn({ webhookId: id, error: messageOf(error) }, 'a webhook could not be taken'),
      )
      .finally(() => {
        this.slots.release();
        this.held.delete(id);
      });
    this.held.set(id, work);
  }

  /** Lets go of everything, once what is in flight has ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.held.values());
  }

  private async hold(id: string): Promise<void> {
    const webhook = await this.parts.webhookLeases.claim(id, this.parts.leaseMs);
    if (!webhook) return;
    const places = this.placesFor(standingOf(webhook));
    if (!places) {
      await this.parts.webhookLeases.release(id, webhook.token, { nextDueInMs: 1_000 });
      return;
    }
    try {
      await new Holder({ ...this.parts, storeSlots: this.storeSlots }, webhook).run(this.stopping.signal);
    } finally {
      for (const slots of places) slots.release();
    }
  }

  /** Takes the places that are limited for webhooks of this standing. @returns null where there is none free */
  private placesFor(standing: Standing): Slots[] | null {
    const limits = {
      proven: [],
      untried: [this.unprovenSlots],
      failing: [this.unprovenSlots, this.failingSlots],
    };
    const taken: Slots[] = [];
    for (const slots of limits[standing]) {
      if (slots.tryAcquire()) taken.push(slots);
      else {
        for (const held of taken) held.release();
        return null;
      }
    }
    return taken;
  }
}
