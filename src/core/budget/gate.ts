/**
 * How a budget is asked before and during an exchange:
 *
 * - `lease`: the estimated input and a little output are held, and more as the answer grows; a stream is cut where no more is left
 * - `strict`: the whole of what the exchange may cost is held before it is sent
 * - `off`: nothing is held; an exchange starts unless the budget is spent already, and is charged when it is over
 */
export type Gate = 'lease' | 'strict' | 'off'

export const gates: readonly Gate[] = ['lease', 'strict', 'off']
export const defaultGate: Gate = 'lease'
