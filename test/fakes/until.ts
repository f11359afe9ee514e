import { setTimeout as delay } from 'node:timers/promises'

const pollMs = 10

/** Waits for a condition that nobody announces, such as the end of another's process. Fails with `what` after the bound. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  for (const deadline = performance.now() + timeoutMs; !(await isSo()); await delay(pollMs)) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`)
  }
}
