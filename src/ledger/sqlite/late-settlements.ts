/**
 * Charges that could not be written (a full disk, a file that another program keeps locked): whoever told them hears so, and
 * they are kept here and tried again, in any case before anything new is reserved. What has no room here, or is still late when
 * the process ends, stays a reservation, which the next start charges at its hold.
 */
import { BottleError } from '../../core/errors.ts'
import type { SettleOutcome, SettleRequest } from '../ledger.ts'

const retryMs = 1_000
/** As many as can be in flight at once, many times over. */
const maxLate = 8_192

export class LateSettlements {
  readonly #write: (request: SettleRequest) => Promise<SettleOutcome>
  readonly #late = new Map<string, SettleRequest>()
  #timer: NodeJS.Timeout | undefined

  constructor(write: (request: SettleRequest) => Promise<SettleOutcome>) {
    this.#write = write
  }

  async settle(request: SettleRequest): Promise<SettleOutcome> {
    try {
      return await this.#write(request)
    } catch (error) {
      if (isForLater(error) && this.#late.size < maxLate) {
        this.#late.set(request.attemptId, request)
        this.#retryLater()
      }
      throw error
    }
  }

  /** Hands on everything that is late at once, so that a call made after this one comes after it. Never rejects. */
  async retry(): Promise<void> {
    const requests = [...this.#late.values()]
    const tries = requests.map(async (request) => {
      const isStillLate = await this.#write(request).then(() => false, isForLater)
      if (!isStillLate) this.#late.delete(request.attemptId)
    })
    await Promise.all(tries)
  }

  /** One last time. */
  async end(): Promise<void> {
    clearTimeout(this.#timer)
    await this.retry()
    this.#late.clear()
  }

  #retryLater(): void {
    this.#timer ??= setTimeout(async () => {
      await this.retry()
      this.#timer = undefined
      if (this.#late.size > 0) this.#retryLater()
    }, retryMs).unref()
  }
}

/** Anything else is a bug, and stays one. */
function isForLater(error: unknown): boolean {
  return error instanceof BottleError && error.code === 'ledger_unusable'
}
