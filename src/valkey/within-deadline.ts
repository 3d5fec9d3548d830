/** An answer of Valkey takes well under a millisecond; nobody waits longer than this for one that hangs. */
const ANSWER_MS = 500;

/** @throws where Valkey has not answered in time; what it says later is dropped */
export async function withinDeadline<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    // Where it was us who were busy, an answer that has come is read before.
    timer = setTimeout(() => setImmediate(() => reject(new Error('no answer'))), ANSWER_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
