/** The lists of one bottle as tables, what came last on top. */

import { type RouteRow, routeRows } from '../../cli/route-rows.ts'
import { ageInWords, localTime } from '../../cli/time.ts'
import type { DenialRow, ExchangeList, ProcessList } from '../../controller/api.ts'
import { compactNumber } from '../../core/compact-number.ts'
import { auditRows } from '../model/audit.ts'
import type { Detail } from '../model/detail.ts'
import { type Column, fitted, type TableRows } from '../text/columns.ts'
import { span } from '../text/line.ts'
import { auditColumns, whenInWords } from './audit.ts'

interface SectionTable {
  readonly table: TableRows
  /** Where there are no rows. */
  readonly empty: string
}

interface Place {
  readonly nowMs: number
  readonly columns: number
}

export function sectionTable(detail: Detail, { nowMs, columns }: Place): SectionTable {
  const today = localTime(nowMs).slice(0, 10)
  const of = <Row>(rows: readonly Row[] | undefined, as: readonly Column<Row>[], empty: string): SectionTable => ({
    table: fitted(as, rows ?? [], columns),
    empty: rows ? empty : '…',
  })
  switch (detail.section) {
    case 'exchanges':
      return of(detail.exchanges?.toReversed(), exchangeColumns(today), 'It has asked no provider so far.')
    case 'routes':
      return of(detail.routes && routeRows(detail.routes), routeColumns, 'It may reach nothing.')
    case 'denials':
      return of(detail.denials?.toReversed(), denialColumns(today), 'Nothing was refused, as far as its log goes.')
    case 'processes':
      return of(
        detail.processes,
        processColumns,
        'No process is seen (those of a bottle without containment never are).',
      )
    case 'log':
      return of(
        detail.log ?? (detail.log === null ? [] : undefined),
        logColumns,
        'Nobody keeps what it prints: it was not started with --detach.',
      )
    case 'audit':
      return of(
        detail.audit && auditRows(detail.audit),
        auditColumns(nowMs).filter(({ title }) => title !== 'BOTTLE'),
        'Nothing was enforced on it.',
      )
  }
}

type Exchange = ExchangeList[number]

function exchangeColumns(today: string): readonly Column<Exchange>[] {
  const tokens = (title: string, rank: number, of: (one: Exchange) => number | undefined): Column<Exchange> => ({
    ...{ title, rank, align: 'right' },
    cell: (one) => {
      const count = of(one)
      return count === undefined ? span('·', 'dim') : compactNumber(count)
    },
  })
  return [
    { title: 'ENDED', align: 'left', rank: 0, cell: ({ settledAtMs }) => whenInWords(settledAtMs, today) },
    { title: 'MODEL', align: 'left', rank: 0, minColumns: 16, cell: ({ model, provider }) => model ?? provider },
    tokens('CHARGED', 0, ({ chargeTokens }) => chargeTokens),
    tokens('INPUT', 3, ({ inputTokens }) => inputTokens),
    tokens('CACHE R', 4, ({ cacheReadTokens }) => cacheReadTokens),
    tokens('CACHE W', 6, ({ cacheWrite5mTokens, cacheWrite1hTokens }) =>
      cacheWrite5mTokens === undefined && cacheWrite1hTokens === undefined
        ? undefined
        : (cacheWrite5mTokens ?? 0) + (cacheWrite1hTokens ?? 0),
    ),
    tokens('OUTPUT', 2, ({ outputTokens }) => outputTokens),
    {
      title: 'TOOK',
      align: 'right',
      rank: 1,
      cell: ({ startedAtMs, settledAtMs }) => tookInWords(settledAtMs - startedAtMs),
    },
    {
      ...{ title: 'SOURCE', align: 'left', rank: 5 },
      cell: ({ source }) => span(source, source === 'authoritative' ? 'dim' : 'warn'),
    },
    {
      ...{ title: 'ENDING', align: 'left', rank: 7 },
      cell: ({ ending }) => span(ending.replaceAll('_', ' '), ending === 'complete' ? 'dim' : 'warn'),
    },
  ]
}

function tookInWords(tookMs: number): string {
  return tookMs < 60_000 ? `${(Math.max(0, tookMs) / 1000).toFixed(1)} s` : ageInWords(tookMs)
}

const routeColumns: readonly Column<RouteRow>[] = [
  { title: 'HOST', align: 'left', rank: 0, minColumns: 20, cell: ({ host }) => span(host, 'strong') },
  { title: 'METHODS', align: 'left', rank: 1, minColumns: 7, cell: ({ methods }) => methods.join(' ') },
  { title: 'PATHS', align: 'left', rank: 0, minColumns: 16, cell: ({ paths }) => paths.join(' ') },
  {
    ...{ title: 'TREATMENT', align: 'left', rank: 0 },
    cell: ({ treatment }) => span(treatment, treatment === 'metered' ? 'accent' : 'plain'),
  },
  {
    title: 'CREDENTIAL',
    align: 'left',
    rank: 2,
    minColumns: 12,
    cell: ({ credential }) => span(credential ?? '', 'dim'),
  },
  { title: 'FROM', align: 'left', rank: 3, minColumns: 8, cell: ({ from }) => span(from, 'dim') },
]

const processColumns: readonly Column<ProcessList[number]>[] = [
  { title: 'PID', align: 'right', rank: 0, cell: ({ pid }) => String(pid) },
  { title: 'PARENT', align: 'right', rank: 2, cell: ({ parentPid }) => span(String(parentPid), 'dim') },
  {
    title: 'MEMORY',
    align: 'right',
    rank: 0,
    cell: ({ residentBytes }) => `${Math.ceil(residentBytes / 2 ** 20)} MiB`,
  },
  {
    title: 'COMMAND',
    align: 'left',
    rank: 0,
    minColumns: 30,
    cell: ({ command, isStopped }) => span(`${command}${isStopped ? ' (stopped)' : ''}`),
  },
]

/** What came last is seen first, as in every list here. */
const logColumns: readonly Column<string>[] = [
  { title: 'OUTPUT, THE LAST LINE FIRST', align: 'left', rank: 0, minColumns: 30, cell: (line) => line },
]

function denialColumns(today: string): readonly Column<DenialRow>[] {
  return [
    { title: 'LAST', align: 'left', rank: 0, cell: ({ lastAtMs }) => whenInWords(lastAtMs, today) },
    { title: 'TIMES', align: 'right', rank: 1, cell: ({ count }) => compactNumber(count) },
    {
      title: 'REQUEST',
      align: 'left',
      rank: 0,
      minColumns: 24,
      cell: ({ method, host, path }) => `${method} ${host}${path}`,
    },
    { title: 'STATUS', align: 'right', rank: 2, cell: ({ status }) => String(status) },
    {
      title: 'REASON',
      align: 'left',
      rank: 3,
      minColumns: 20,
      isProse: true,
      cell: ({ reason }) => span(reason, 'dim'),
    },
  ]
}
