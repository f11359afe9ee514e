import type { LedgerVerification } from '../controller/api.ts'
import { dayName } from '../core/calendar.ts'
import { inert } from './inert.ts'

/** One line for what is wrong with a ledger. */
export function problemInWords(problem: LedgerVerification['problems'][number]): string {
  switch (problem.kind) {
    case 'damage':
      return `the file is damaged: ${inert(problem.found)}`
    case 'counter':
      return `counter ${named(problem)} says ${problem.settledTokens} tokens, its events say ${problem.eventTokens}`
    case 'hours':
      return `the hours of ${inert(problem.scope)} (${inert(problem.provider)}) on ${dayName(problem.dayMs)} say ${problem.hourTokens} tokens, the events say ${problem.eventTokens}`
    case 'hold':
      return `counter ${named(problem)} is held for ${problem.reservedTokens} tokens, reservations hold ${problem.heldTokens}`
    case 'foreign':
      return `${problem.rows} rows of ${problem.table} refer to rows of ${problem.parent} that are not there`
  }
}

function named(key: { readonly scope: string; readonly provider: string; readonly period: string }): string {
  return inert(`${key.scope} of ${key.provider}, ${key.period}`)
}
