/**
 * Copies what can be read of the tables of a damaged database into those of a sound one. SQLite's own recovery is not in Node,
 * so rows are read in ranges: a range that cannot be read is halved until only what is broken is left out. A row that the
 * table does not take is left out, too.
 */
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'

const rangeRows = 4_096
const maxRowsOfPage = 64
/** Node reads no larger numbers, and no ledger has counted as far. */
const lastSafeId = Number.MAX_SAFE_INTEGER - rangeRows

type Row = Record<string, SQLOutputValue>

/** Reads on where it can, also in a file that is shorter than it says. */
export function openDamaged(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true, defensive: false })
  db.exec('PRAGMA writable_schema = ON')
  return db
}

export interface TableCopy {
  readonly from: DatabaseSync
  readonly into: DatabaseSync
  readonly table: string
  /** Where it is not a table of the same name. */
  readonly intoTable?: string
}

/** True when every row was copied. For tables with a row id, which is their first column. */
export function copyByRowId(copy: TableCopy): boolean {
  const { from, table } = copy
  const { columns, insertAll } = preparedCopy(copy)
  if (columns.length === 0) return false
  const id = columns[0]
  const read = from.prepare(`SELECT ${columns.join(', ')} FROM ${table} WHERE ${id} >= ? AND ${id} < ? ORDER BY ${id}`)
  const copyRange = (first: number, end: number): boolean => {
    let rows: readonly Row[]
    try {
      rows = read.all(first, end)
    } catch {
      if (end - first === 1) return false
      const middle = Math.floor((first + end) / 2)
      const isLowerWhole = copyRange(first, middle)
      return copyRange(middle, end) && isLowerWhole
    }
    return insertAll(rows)
  }
  const findNext = from.prepare(`SELECT min(${id}) AS id FROM ${table} WHERE ${id} >= ?`)
  let isWhole = true
  let unseenIds = 0
  for (let first = 0; first <= lastSafeId; ) {
    isWhole = copyRange(first, first + rangeRows) && isWhole
    first += rangeRows
    try {
      const next = findNext.get(first)?.id
      if (next === null || next === undefined) return isWhole
      // A gap may be as wide as numbers are.
      first = Number(next)
    } catch {
      isWhole = false
      unseenIds += rangeRows
      if (unseenIds > mostRows(from)) break
    }
  }
  return false
}

/** True when every row was copied. In the order of a key (the table's own unless told), from both ends up to what cannot be read. */
export function copyByKey({ key, ...copy }: TableCopy & { readonly key?: readonly string[] }): boolean {
  const { columns, insertAll } = preparedCopy(copy)
  if (columns.length === 0) return false
  let isWhole = true
  const copyAll = (direction: 'ASC' | 'DESC'): boolean => {
    const order = (key ?? primaryKeyOf(copy)).map((column) => `${column} ${direction}`).join(', ')
    try {
      const rows = copy.from.prepare(`SELECT ${columns.join(', ')} FROM ${copy.table} ORDER BY ${order}`).iterate()
      for (const row of rows) isWhole = insertAll([row]) && isWhole
      return true
    } catch {
      return false
    }
  }
  if (copyAll('ASC')) return isWhole
  copyAll('DESC')
  return false
}

function primaryKeyOf({ into, table }: TableCopy): readonly string[] {
  const rows = into.prepare('SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk').all(table)
  return rows.map(({ name }) => `"${String(name)}"`)
}

function preparedCopy({ from, into, table, intoTable = table }: TableCopy) {
  // What is damaged may be of an older schema, or have lost a part of its own.
  const known = new Set(columnsOf(from, table))
  const columns = columnsOf(into, table).filter((column) => known.has(column))
  const places = columns.map(() => '?').join(', ')
  const sql = `INSERT OR IGNORE INTO ${intoTable} (${columns.join(', ')}) VALUES (${places})`
  const insert = columns.length === 0 ? undefined : into.prepare(sql)
  const insertRow = (row: Row): boolean => {
    try {
      insert?.run(...Object.values(row))
      return true
    } catch (error) {
      if (isConstraint(error)) return false
      throw error
    }
  }
  return { columns, insertAll: (all: readonly Row[]) => all.map(insertRow).every((isIn) => isIn) }
}

function columnsOf(db: DatabaseSync, table: string): readonly string[] {
  const rows = db.prepare('SELECT name FROM pragma_table_info(?)').all(table)
  return rows.map(({ name }) => `"${String(name)}"`)
}

function isConstraint(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === 19
}

/** No more than the file has room for. */
function mostRows(from: DatabaseSync): number {
  return Number(from.prepare('PRAGMA page_count').get()?.page_count) * maxRowsOfPage
}
