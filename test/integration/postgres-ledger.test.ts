import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { type LedgerUnderTest, ledgerContract } from '../../src/ledger/ledger.contract.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { budgetsContract } from '../../src/ledger/ledger-budgets.contract.ts'
import { historyContract } from '../../src/ledger/ledger-history.contract.ts'
import { openPostgresLedger } from '../../src/ledger/postgres/postgres-ledger.ts'
import { type PostgresServer, startPostgres } from '../fakes/postgres-server.ts'

let server: PostgresServer
let url: string
beforeAll(async () => {
  server = await startPostgres()
  url = await server.createDatabase()
})
afterAll(() => server[Symbol.asyncDispose]())

async function openUnderTest(): Promise<LedgerUnderTest> {
  const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-ledger-'))
  await server.psql(url, 'DROP SCHEMA IF EXISTS bot_bottle CASCADE')
  const opened: Ledger[] = []
  const reopen = async (owner: string) => {
    const ledger = await openPostgresLedger({ path: join(directory, 'ledger.db'), url, owner })
    opened.push(ledger)
    return ledger
  }
  return {
    ledger: await reopen('here'),
    reopen,
    async dispose() {
      for (const ledger of opened) await ledger[Symbol.asyncDispose]()
      await rm(directory, { recursive: true })
    },
  }
}

ledgerContract('PostgreSQL', openUnderTest)
budgetsContract('PostgreSQL', openUnderTest)
historyContract('PostgreSQL', openUnderTest)
