import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ledgerContract } from '../ledger.contract.ts'
import type { Ledger } from '../ledger.ts'
import { openSqliteLedger } from './sqlite-ledger.ts'

ledgerContract('SQLite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-ledger-'))
  const path = join(directory, 'ledger.db')
  const opened: Ledger[] = []
  const reopen = async (owner: string) => {
    const ledger = await openSqliteLedger({ path, owner })
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
})
