/** One bottle in detail: what was read of it. Undefined is not read yet. */
import type { AuditList, DenialList, EgressView, ExchangeList } from '../../controller/api.ts'

export const sections = ['exchanges', 'routes', 'denials', 'audit'] as const
export type Section = (typeof sections)[number]

export interface Detail {
  readonly id: string
  readonly section: Section
  /** First row that is shown. */
  readonly offset: number
  readonly exchanges?: ExchangeList
  readonly routes?: EgressView
  readonly denials?: DenialList
  readonly audit?: AuditList
}
