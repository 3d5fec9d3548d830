import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type QueueAttributeName,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { readNotification } from '../../domain/envelopes/notification';
import { Permanent } from '../../domain/errors';
import type { Source } from '../../domain/source';
import type { AwsClients } from '../aws/aws-clients';
import { commonFault, serviceErrorOf } from '../aws/aws-fault';
import type { CheckedAccess } from './access-check';
import type { CheckRun, Finding } from './check-run';
import { checkLogFile, type LogFile, type LogFileCheck } from './log-file-check';
import { isDenied, tryPermission } from './permission';

const ATTRIBUTES: QueueAttributeName[] = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'MessageRetentionPeriod',
  'VisibilityTimeout',
  'RedrivePolicy',
];
const DAY_SECONDS = 86_400;
const SHORT_VISIBILITY_SECONDS = 30;
/** A test counts as one time that a message was received: where few are allowed, it must not use one up. */
const SPARE_RECEIVES = 3;
/** Names no message, so that nothing is deleted or hidden whatever the rights. */
const NO_RECEIPT = 'trailgraph-tests-the-right-alone';

interface QueueState {
  waiting: number;
  inFlight: number;
  retentionSeconds: number;
  visibilitySeconds: number;
  maxReceives: number | null;
}

/**
 * Tries what an S3_SQS source does, without eating or hiding a message: one is received with a visibility timeout of 0,
 * so that it is there for everybody at once; whether messages may be deleted or kept invisible is judged by what SQS
 * answers for a receipt that names none.
 */
export async function checkQueue(
  run: CheckRun,
  aws: AwsClients,
  source: Source,
  access: CheckedAccess | null,
): Promise<LogFileCheck> {
  const QueueUrl = source.sqs?.queueUrl ?? '';
  const sqs = () => aws.sqs(source);
  const state = await tryPermission(run, source, {
    action: 'sqs:GetQueueAttributes',
    restsOn: [access],
    work: async (signal) => {
      const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ATTRIBUTES });
      const { Attributes = {} } = await sqs()
        .send(command, { abortSignal: signal })
        .catch((error: unknown) => {
          throw missingQueue(error, QueueUrl);
        });
      const value = stateOf(Attributes);
      const message = `${value.waiting} messages wait, ${value.inFlight} are in flight.`;
      return { status: 'PASS', message, value };
    },
  });
  const body = await receive({ run, source, QueueUrl, sqs, state });
  await judge(run, source, 'sqs:ChangeMessageVisibility', state, (abortSignal) =>
    sqs().send(
      new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: NO_RECEIPT, VisibilityTimeout: 0 }),
      { abortSignal },
    ),
  );
  await judge(run, source, 'sqs:DeleteMessage', state, (abortSignal) =>
    sqs().send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: NO_RECEIPT }), { abortSignal }),
  );
  await run.step({
    name: 'settings',
    restsOn: [state],
    work: async () => ({ ...settingsOf(state!), value: true }),
  });
  const file = await toldFile(run, body);
  return checkLogFile({ run, source, client: () => aws.s3(source), file });
}

/** @returns the text of a message; '' where none waits */
async function receive({
  run,
  source,
  QueueUrl,
  sqs,
  state,
}: {
  run: CheckRun;
  source: Source;
  QueueUrl: string;
  sqs: () => SQSClient;
  state: QueueState | null;
}): Promise<string | null> {
  const action = 'sqs:ReceiveMessage';
  if (state?.maxReceives && state.maxReceives <= SPARE_RECEIVES) {
    run.skip({
      name: 'permission',
      awsAction: action,
      why: `the queue gives a message up after ${state.maxReceives} receives, and a test would use one up`,
      remedy: 'Set maxReceiveCount of its redrive policy to 5 or more.',
    });
    return null;
  }
  return tryPermission(run, source, {
    action,
    restsOn: [state],
    work: async (signal) => {
      const command = new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 1,
        VisibilityTimeout: 0,
        WaitTimeSeconds: 0,
      });
      const { Messages = [] } = await sqs().send(command, { abortSignal: signal });
      const message = Messages[0]
        ? 'Received a message with a visibility timeout of 0 seconds: it stays in the queue for everybody.'
        : 'Messages may be received; none came.';
      return { status: 'PASS', message, value: Messages[0]?.Body ?? '' };
    },
  });
}

/** Tries a right by a receipt that names no message: SQS looks at the rights first, then at the receipt. */
async function judge(
  run: CheckRun,
  source: Source,
  action: 'sqs:ChangeMessageVisibility' | 'sqs:DeleteMessage',
  state: QueueState | null,
  call: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const passed = {
    status: 'PASS',
    message: 'Not denied: judged by a receipt that names no message.',
    value: true,
  } as const;
  await tryPermission(run, source, {
    action,
    restsOn: [state],
    work: async (signal) => {
      try {
        await call(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (isDenied(error) || commonFault(error, source)) throw error;
        if (!/Receipt|InvalidParameterValue|MessageNotInflight/.test(serviceErrorOf(error).code)) throw error;
      }
      return passed;
    },
  });
}

/** The log file that a message tells of. */
function toldFile(run: CheckRun, body: string | null): Promise<LogFile | null> {
  return run.step<LogFile | null>({
    name: 'sample',
    restsOn: [body],
    work: async () => {
      if (body === '') {
        return {
          status: 'WARN',
          message:
            'No message waits: which bucket the files are in, and whether they can be read, is not known.',
          remedy: 'Test again once a log file was delivered.',
          value: null,
        };
      }
      const { objects, skipped, unknown } = readNotification(body!);
      const [object] = objects;
      if (object) {
        const { bucket, key } = object;
        return {
          status: 'PASS',
          message: `A message tells of s3://${bucket}/${key}`,
          value: { bucket, key },
        };
      }
      const why = unknown[0] ?? skipped[0] ?? 'it names no object';
      return {
        status: 'WARN',
        message: `The message that was looked at tells of no new log file: ${why}.`,
        remedy:
          'Check that the queue gets the notifications of the bucket or of the trail, and nothing else.',
        value: null,
      };
    },
  });
}

function stateOf(attributes: Partial<Record<string, string>>): QueueState {
  const number = (name: string): number => Number(attributes[name] ?? 0);
  return {
    waiting: number('ApproximateNumberOfMessages'),
    inFlight: number('ApproximateNumberOfMessagesNotVisible'),
    retentionSeconds: number('MessageRetentionPeriod'),
    visibilitySeconds: number('VisibilityTimeout'),
    maxReceives: maxReceivesOf(attributes.RedrivePolicy),
  };
}

function maxReceivesOf(policy: string | undefined): number | null {
  const found = /"maxReceiveCount"\s*:\s*"?(\d+)/.exec(policy ?? '')?.[1];
  return found === undefined ? null : Number(found);
}

function settingsOf({ retentionSeconds, visibilitySeconds }: QueueState): Finding {
  if (retentionSeconds < DAY_SECONDS) {
    return {
      status: 'WARN',
      message: `Messages are kept for ${retentionSeconds} seconds: what is not read by then is lost.`,
      remedy: 'Set MessageRetentionPeriod to four days or more (345600).',
    };
  }
  if (visibilitySeconds < SHORT_VISIBILITY_SECONDS) {
    return {
      status: 'WARN',
      message: `A message comes again after ${visibilitySeconds} seconds, likely while it is still being worked on.`,
      remedy: 'Set VisibilityTimeout to 30 seconds or more; 300 is good.',
    };
  }
  return {
    status: 'PASS',
    message: `Messages are kept for ${Math.floor(retentionSeconds / DAY_SECONDS)} days, and come again after ${visibilitySeconds} seconds.`,
  };
}

function missingQueue(error: unknown, url: string): unknown {
  const { code } = serviceErrorOf(error);
  if (!/NonExistentQueue|QueueDoesNotExist/.test(code)) return error;
  return new Permanent(`there is no queue ${url} (${code})`, {
    cause: error,
    remedy: "Check the queue's URL: its Region, account and name.",
  });
}
