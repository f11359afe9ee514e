/** What was read of the bottle that is looked at, with what events add to it. */
import type { ControllerEvent, DenialList, DenialRow, ExchangeList } from '../../controller/api.ts'
import type { Detail } from './detail.ts'

/** As many as are read at first. */
export const maxDetailRows = 200

export function appended(detail: Detail, events: readonly ControllerEvent[]): Detail {
  return events.reduce((before, event) => withEvent(before, event), detail)
}

function withEvent(detail: Detail, event: ControllerEvent): Detail {
  if (!('bottleId' in event) || event.bottleId !== detail.id) return detail
  const { exchanges, denials } = detail
  if (event.kind === 'exchange_settled' && exchanges) return { ...detail, exchanges: withExchange(exchanges, event) }
  if (event.kind === 'denied' && denials) return { ...detail, denials: withDenial(denials, event) }
  return detail
}

function withExchange(
  exchanges: ExchangeList,
  { usage, ...settled }: Extract<ControllerEvent, { kind: 'exchange_settled' }>,
): ExchangeList {
  // It may have been read already.
  if (exchanges.some(({ attemptId }) => attemptId === settled.attemptId)) return exchanges
  return [...exchanges, { ...settled, ...usage, agent: '', settledAtMs: settled.atMs }].slice(-maxDetailRows)
}

/** Denials of one place are one row, as they are read. */
function withDenial(denials: DenialList, { kind: _, atMs, ...denied }: Extract<ControllerEvent, { kind: 'denied' }>) {
  const isSame = (row: DenialRow) =>
    row.method === denied.method && row.host === denied.host && row.path === denied.path && row.code === denied.code
  const before = denials.find(isSame)
  const count = (before?.count ?? 0) + 1
  const row = { ...denied, count, firstAtMs: before?.firstAtMs ?? atMs, lastAtMs: atMs }
  return [...denials.filter((one) => one !== before), row].slice(-maxDetailRows)
}
