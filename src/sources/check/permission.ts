import { messageOf, Permanent } from '../../domain/errors';
import type { Source } from '../../domain/source';
import { commonFault, serviceErrorOf } from '../aws/aws-fault';
import { type AwsAction, type Learned, resourceOf, statementFor } from '../aws/least-policy';
import type { CheckRun, Found } from './check-run';

export interface Permission<T> {
  action: AwsAction;
  learned?: Learned;
  restsOn: readonly unknown[];
  work: (signal: AbortSignal) => Promise<Found<T>>;
}

/** Tries one action of AWS. Where it fails, the step names the action, the resource and what to do. */
export function tryPermission<T>(
  run: CheckRun,
  source: Source,
  { action, learned = {}, restsOn, work }: Permission<T>,
): Promise<T | null> {
  return run.step({
    name: 'permission',
    awsAction: action,
    restsOn,
    work: async (signal) => {
      try {
        return await work(signal);
      } catch (error) {
        signal.throwIfAborted();
        throw explained(error, source, action, learned);
      }
    },
  });
}

/** What went wrong with an action: its message names action and resource. */
export function explained(error: unknown, source: Source, action: AwsAction, learned: Learned): Permanent {
  const on = `${action} on ${resourceOf(action, source, learned)}`;
  const remedy = remedyIn(error);
  if (remedy !== null) return new Permanent(`${on}: ${messageOf(error)}`, { cause: error, remedy });
  const common = commonFault(error, source);
  if (common) {
    return new Permanent(`${on}: ${common.message}`, {
      cause: error,
      remedy: common.remedy ?? 'Test again in a minute.',
    });
  }
  const { code, message } = serviceErrorOf(error);
  if (isDenied(error)) {
    return new Permanent(`${on} is denied (${code})`, {
      cause: error,
      remedy: `Allow it by this statement, and look for a policy that denies it: ${JSON.stringify(statementFor(action, source, learned))}`,
    });
  }
  return new Permanent(`${on} failed: ${message} (${code})`, {
    cause: error,
    remedy: 'Check the settings of the source: its Region, its endpoint, and what it names.',
  });
}

/** Whether a service says that the caller has no right to this. */
export function isDenied(error: unknown): boolean {
  const { code, status } = serviceErrorOf(error);
  return /AccessDenied|NotAuthorized|Unauthorized|AuthorizationError|Forbidden/.test(code) || status === 403;
}

function remedyIn(error: unknown): string | null {
  const options: unknown = typeof error === 'object' && error ? Reflect.get(error, 'options') : null;
  const remedy: unknown = typeof options === 'object' && options ? Reflect.get(options, 'remedy') : null;
  return typeof remedy === 'string' ? remedy : null;
}
