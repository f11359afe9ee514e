/**
 * What the estimator learned, kept over restarts: read once at the start, written a while after it changed and at the end.
 * Losing the last minute of it costs a little accuracy, so nothing waits for the writes, and a failed one is only told.
 */
import { readRecord, writeRecord } from '../core/metering/estimator/saved-record.ts'
import { createTokenEstimator, maxRecords, type TokenEstimator } from '../core/metering/estimator/token-estimator.ts'
import type { Ledger } from '../ledger/ledger.ts'

export const saveIntervalMs = 60_000

export interface EstimatorBook extends AsyncDisposable {
  readonly estimator: TokenEstimator
}

export interface EstimatorBookOptions {
  readonly ledger: Pick<Ledger, 'estimators' | 'saveEstimators'>
  onBug(error: unknown): void
}

/** Dispose it before the ledger: it writes once more. */
export async function openEstimatorBook({ ledger, onBug }: EstimatorBookOptions): Promise<EstimatorBook> {
  const rows = await ledger.estimators()
  const known = rows.flatMap(({ provider, model, state }) => {
    const record = readRecord(state)
    return record ? [{ provider, model, record }] : []
  })
  const estimator = createTokenEstimator(known)

  const save = async () => {
    const changed = estimator.takeChanged()
    if (changed.length === 0) return
    const saved = changed.map(({ provider, model, record }) => ({
      provider,
      model,
      state: writeRecord(record),
      updatedAtMs: record.updatedAtMs,
    }))
    await ledger.saveEstimators(saved, maxRecords).catch(onBug)
  }
  const timer = setInterval(() => void save(), saveIntervalMs)
  timer.unref()

  return {
    estimator,
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await save()
    },
  }
}
