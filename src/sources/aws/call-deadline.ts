/** A call to AWS, its retries included, took longer than it may. */
export class CallTimeout extends Error {
  override name = 'TimeoutError';
  constructor(ms: number) {
    super(`no answer within ${ms / 1000} s`);
  }
}

/**
 * Makes a call that ends when the caller's signal aborts or after `ms`.
 * @throws the signal's reason, CallTimeout, or what the call throws
 */
export async function callWithin<T>(
  ms: number,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const own = new AbortController();
  const onAbort = () => own.abort(signal.reason);
  const timer = setTimeout(() => own.abort(new CallTimeout(ms)), ms);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await call(own.signal);
  } catch (error) {
    own.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
