/** Errors of the driver that mean "not now": no server takes the work at this moment, or the way to it broke. */
const AWAY_NAMES =
  /^Mongo(ServerSelection|Network|NetworkTimeout|PoolCleared|NotConnected|OperationTimeout|TopologyClosed|WaitQueueTimeout)Error$|^MongooseServerSelectionError$/;

/**
 * What a server says that is going, has stepped down, or can't reach a majority (the driver's lists of "retryable" and
 * "state change" errors, and what befalls cursors and acknowledgements in a failover).
 */
const AWAY_CODES: ReadonlySet<unknown> = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  43, // CursorNotFound
  64, // WriteConcernTimeout
  89, // NetworkTimeout
  91, // ShutdownInProgress
  133, // FailedToSatisfyReadPreference
  134, // ReadConcernMajorityNotAvailableYet
  189, // PrimarySteppedDown
  237, // CursorKilled
  262, // ExceededTimeLimit
  9001, // SocketException
  10107, // NotWritablePrimary
  11600, // InterruptedAtShutdown
  11602, // InterruptedDueToReplStateChange
  13435, // NotPrimaryNoSecondaryOk
  13436, // NotPrimaryOrSecondary
]);

/**
 * Whether MongoDB is away or changes its primary: the same may succeed in some seconds, and nothing is known of what was
 * asked. By shape, since stages of several folders meet such errors, and only the store knows the driver.
 */
export function isDatabaseAway(error: unknown): boolean {
  const { name, code, hasErrorLabel } = (error ?? {}) as Partial<Record<string, unknown>>;
  if (typeof name !== 'string' || !name.startsWith('Mongo')) return false;
  if (AWAY_NAMES.test(name) || AWAY_CODES.has(code)) return true;
  return typeof hasErrorLabel === 'function' && hasErrorLabel.call(error, 'RetryableWriteError') === true;
}
