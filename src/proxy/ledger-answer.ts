import { BottleError } from '../core/errors.ts'
import { proxyLimits } from './limits.ts'

/** The answer of the ledger, or `ledger_unusable` when it does not come: a ledger that hangs refuses too (I9). */
export async function ledgerAnswer<Answer>(answer: Promise<Answer>): Promise<Answer> {
  const { promise: silence, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const message = `the ledger did not answer within ${proxyLimits.ledgerAnswerMs / 1000} seconds`
    reject(new BottleError('ledger_unusable', message, { hint: 'Run `bot-bottle doctor`.' }))
  }, proxyLimits.ledgerAnswerMs)
  try {
    return await Promise.race([answer, silence])
  } finally {
    clearTimeout(timer)
  }
}
