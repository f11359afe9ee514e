/** CSV (RFC 4180, lines end with a line feed) under the names that the JSON has. */
import { inert } from '../inert.ts'

type CsvRow<Name extends string> = Readonly<Partial<Record<Name, string | number | null>>>

export function csvLines<Name extends string>(names: readonly Name[], rows: readonly CsvRow<Name>[]): string[] {
  return [names.join(','), ...rows.map((row) => csvLine(names, row))]
}

export function csvLine<Name extends string>(names: readonly Name[], row: CsvRow<Name>): string {
  return names.map((name) => cell(row[name] ?? '')).join(',')
}

function cell(value: string | number): string {
  if (typeof value === 'number') return String(value)
  // Safety: spreadsheets run what begins so, and a bottle chooses the name of its model.
  const text = inert(value).replace(/^(?=[=+\-@])/, "'")
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
