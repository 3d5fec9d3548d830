const KEY = 'trailgraph.session';
/** A page that reloads gives its lock back well within this. */
const LOCK_WAIT_MS = 500;

/** Somebody signed in, as this page keeps it. */
export interface SignedIn {
  /** Names this sign-in among the browser's tabs. */
  id: string;
  email: string;
  accessToken: string;
  refreshToken: string;
  /** When to renew, in milliseconds of this browser's clock. */
  renewAt: number;
}

export function newSignInId(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join('-');
}

/**
 * What this tab stored before it was reloaded, if it is still this tab's alone. A duplicated browser tab gets a copy
 * of sessionStorage, and the server revokes a session whose refresh token two of them use; the lock tells them apart.
 * Where the browser has no locks (plain HTTP from another machine) nothing is taken over.
 */
export async function takeStoredSession(): Promise<SignedIn | null> {
  const stored = parseStored(sessionStorage.getItem(KEY));
  if (stored && (await lock(stored.id))) return stored;
  sessionStorage.removeItem(KEY);
  return null;
}

/** Keeps it for a reload of this tab; null forgets it. */
export function storeSession(signedIn: SignedIn | null): void {
  if (!signedIn) {
    sessionStorage.removeItem(KEY);
    return;
  }
  sessionStorage.setItem(KEY, JSON.stringify(signedIn));
  void lock(signedIn.id);
}

const held = new Set<string>();

function lock(id: string): Promise<boolean> {
  if (held.has(id)) return Promise.resolve(true);
  // Absent on pages that are no secure context, whatever the type says.
  const locks: LockManager | undefined = navigator.locks;
  if (!locks) return Promise.resolve(false);
  return new Promise((resolve) => {
    const holdUntilUnload = () => {
      held.add(id);
      resolve(true);
      return new Promise<never>(() => undefined);
    };
    locks
      .request(`${KEY}.${id}`, { signal: AbortSignal.timeout(LOCK_WAIT_MS) }, holdUntilUnload)
      .catch(() => resolve(false));
  });
}

function parseStored(text: string | null): SignedIn | null {
  if (text === null) return null;
  try {
    const value = JSON.parse(text) as SignedIn;
    const texts = [value.id, value.email, value.accessToken, value.refreshToken];
    return texts.every((one) => typeof one === 'string') && typeof value.renewAt === 'number' ? value : null;
  } catch {
    return null;
  }
}
