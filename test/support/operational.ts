import { Webhook as Verifier } from 'standardwebhooks';
import type { Receiver } from './receiver';

/** A body that tells what befell a webhook. */
export interface Told {
  type: string;
  timestamp: string;
  data: { webhookId: string; name: string; url: string; reason: string; [member: string]: unknown };
}

/** The operational events that came, verified one by one, each webhook-id once. */
export function toldTo(receiver: Receiver, secret: string): Told[] {
  const verifier = new Verifier(secret);
  const byId = new Map<string, Told>();
  for (const { headers, body } of receiver.received) {
    const told = verifier.verify(body, headers as Record<string, string>) as Told;
    if (told.type.startsWith('trailgraph.')) byId.set(headers['webhook-id'] as string, told);
  }
  return [...byId.values()];
}
