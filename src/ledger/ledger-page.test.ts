/** The example and the tables of docs/ledger.md are so. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { defaultRetentionDays } from '../core/manifest/retention-notation.ts'
import { host, reserveRequest, settleRequest } from './ledger.contract.ts'
import { openSqliteLedger } from './sqlite/sqlite-ledger.ts'

const page = readFileSync(new URL('../../docs/ledger.md', import.meta.url), 'utf8')

/** The rows of the table whose head begins with these cells, without the head. */
function table(head: string): readonly (readonly string[])[] {
  const lines = page.split('\n')
  const first = lines.indexOf(head) + 2
  if (first === 1) throw new Error(`the page has no table "${head}"`)
  const end = lines.findIndex((line, index) => index >= first && !line.startsWith('|'))
  return lines.slice(first, end).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
}

async function openPath(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-ledger-page-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return join(directory, 'ledger.db')
}

test('the example goes as it says, step by step', async () => {
  const path = await openPath()
  await using first = await openSqliteLedger({ path, owner: 'first' })
  await using second = await openSqliteLedger({ path, owner: 'second' })
  const nowMs = Date.UTC(2026, 10, 22)
  const perform = async (step: string): Promise<void> => {
    const [, action = '', id = '', tokens = ''] = /^(reserve|extend|settle) (\w) (?:for|to|at) (\d+)$/.exec(step) ?? []
    if (action === 'reserve') await first.reserve(reserveRequest(id, { holdTokens: Number(tokens), nowMs }))
    else if (action === 'extend') await first.extend(id, Number(tokens))
    else if (action === 'settle') await first.settle(settleRequest(id, { chargeTokens: Number(tokens), nowMs }))
    else if (step === 'recover') await second.recover(nowMs)
    else if (step === 'roll up') await second.rollUp({ settledBeforeMs: nowMs + 1, maxEvents: 10 })
    else throw new Error(`"${step}" is no step`)
  }
  const rows = table('| step | settled | held |')
  expect(rows.length).toBeGreaterThan(10)
  for (const [step = '', settled, held] of rows) {
    await perform(step)
    const { settledTokens, reservedTokens } = await second.counter(host)
    expect([step, settledTokens, reservedTokens]).toEqual([step, Number(settled), Number(held)])
    expect(await second.verify()).toEqual([])
  }
})

test('every table of the file is told of, and no other', async () => {
  const path = await openPath()
  await using _ledger = await openSqliteLedger({ path, owner: 'here' })
  using db = new DatabaseSync(path, { readOnly: true })
  const stored = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'schema_version'`).all()
  const told = table('| table | what | |').flatMap(([names = '']) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  )
  expect(told.toSorted()).toEqual(stored.map(({ name }) => String(name)).toSorted())
})

test('the default of the retention is the one that is told', () => {
  expect(page).toContain(`default \`${defaultRetentionDays}d\``)
})
