/** One bottle in detail: what was read of it. Undefined is not read yet. */
import type { AuditList, DenialList, EgressView, ExchangeList, ProcessList } from '../../controller/api.ts'

export const sections = ['exchanges', 'routes', 'denials', 'processes', 'log', 'audit'] as const
export type Section = (typeof sections)[number]

/** What no event tells of: it is looked at again while it is on the screen. */
export const watchedSections: readonly Section[] = ['processes', 'log']

export interface Detail {
  readonly id: string
  readonly section: Section
  /** First row that is shown. */
  readonly offset: number
  readonly exchanges?: ExchangeList
  readonly routes?: EgressView
  readonly denials?: DenialList
  readonly processes?: ProcessList
  /** The last lines that the program of a bottle in the background printed; null where nobody kept any. */
  readonly log?: readonly string[] | null
  readonly audit?: AuditList
}
