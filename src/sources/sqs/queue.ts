import { setTimeout as delay } from 'node:timers/promises';
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { Source } from '../../domain/source';
import { callWithin } from '../aws/call-deadline';
import { queueError, sqsConfigOf } from './sqs-fault';

/** A message as it was received. */
export interface ReceivedMessage {
  id: string;
  receipt: string;
  body: string;
}

/** SQS's own limit for one call. */
export const MESSAGES_A_CALL = 10;
/** An empty queue answers after this; SQS's longest. */
export const LONG_POLL_S = 20;
const CALL_WITHIN_MS = 20_000;
const DELETE_TRIES = 3;
const DELETE_AGAIN_MS = 200;
/** When the worker stops, messages are given back within this, or left to their visibility timeout. */
const GIVE_BACK_WITHIN_MS = 2_000;

/** The calls to one queue. Each has a deadline; failures come as Permanent or Retryable with a remedy. */
export class Queue {
  private readonly url: string;

  /** @param visibilityS so long no one else receives a message that we hold; extended while it is worked on */
  constructor(
    private readonly client: SQSClient,
    private readonly source: Source,
    readonly visibilityS: number,
  ) {
    this.url = sqsConfigOf(source).queueUrl;
  }

  /** @param waitS how long an empty queue may take to say so; 0 asks only some of its servers */
  async receive(max: number, waitS: number, signal: AbortSignal): Promise<ReceivedMessage[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: this.url,
      MaxNumberOfMessages: Math.min(max, MESSAGES_A_CALL),
      WaitTimeSeconds: waitS,
      VisibilityTimeout: this.visibilityS,
    });
    try {
      const { Messages = [] } = await callWithin(CALL_WITHIN_MS + waitS * 1_000, signal, (abortSignal) =>
        this.client.send(command, { abortSignal }),
      );
      return Messages.flatMap(({ MessageId: id, ReceiptHandle: receipt, Body: body }) =>
        receipt === undefined ? [] : [{ id: id ?? receipt, receipt, body: body ?? '' }],
      );
    } catch (error) {
      signal.throwIfAborted();
      throw queueError(error, this.source, 'ReceiveMessage');
    }
  }

  /** Deletes messages. One that SQS fails to delete comes again, and is known by then. */
  async delete(messages: ReceivedMessage[], signal: AbortSignal): Promise<void> {
    let left = messages;
    for (let tries = 1; left.length > 0 && tries <= DELETE_TRIES; tries++) {
      if (tries > 1) await delay(DELETE_AGAIN_MS * tries);
      const failed = await Promise.all(inTens(left).map((some) => this.deleteSome(some, signal)));
      left = failed.flat();
    }
  }

  /** Hides messages from others for so long from now. One whose receipt is too old is no longer ours. */
  async hide(messages: ReceivedMessage[], seconds: number, signal: AbortSignal): Promise<void> {
    try {
      await Promise.all(
        inTens(messages).map((some) =>
          callWithin(CALL_WITHIN_MS, signal, (abortSignal) =>
            this.client.send(
              new ChangeMessageVisibilityBatchCommand({
                QueueUrl: this.url,
                Entries: some.map(({ receipt }, index) => ({
                  Id: String(index),
                  ReceiptHandle: receipt,
                  VisibilityTimeout: seconds,
                })),
              }),
              { abortSignal },
            ),
          ),
        ),
      );
    } catch (error) {
      signal.throwIfAborted();
      throw queueError(error, this.source, 'ChangeMessageVisibility');
    }
  }

  /** Lets others receive messages at once. What fails of it mends itself: their visibility timeout ends. */
  async giveBack(messages: ReceivedMessage[]): Promise<void> {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), GIVE_BACK_WITHIN_MS);
    await this.hide(messages, 0, deadline.signal).catch(() => undefined); // See above.
    clearTimeout(timer);
  }

  /** @returns those that SQS failed to delete and may delete when it is asked again */
  private async deleteSome(messages: ReceivedMessage[], signal: AbortSignal): Promise<ReceivedMessage[]> {
    const command = new DeleteMessageBatchCommand({
      QueueUrl: this.url,
      Entries: messages.map(({ receipt }, index) => ({ Id: String(index), ReceiptHandle: receipt })),
    });
    try {
      const { Failed = [] } = await callWithin(CALL_WITHIN_MS, signal, (abortSignal) =>
        this.client.send(command, { abortSignal }),
      );
      return Failed.flatMap(({ Id, SenderFault }) => messages[SenderFault ? -1 : Number(Id)] ?? []);
    } catch (error) {
      signal.throwIfAborted();
      throw queueError(error, this.source, 'DeleteMessage');
    }
  }
}

function inTens<T>(items: T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / MESSAGES_A_CALL) }, (_, index) =>
    items.slice(index * MESSAGES_A_CALL, (index + 1) * MESSAGES_A_CALL),
  );
}
