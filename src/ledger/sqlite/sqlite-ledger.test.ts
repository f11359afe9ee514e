import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type LedgerUnderTest, ledgerContract, reserveRequest, settleRequest } from '../ledger.contract.ts'
import type { Ledger } from '../ledger.ts'
import { budgetsContract } from '../ledger-budgets.contract.ts'
import { historyContract } from '../ledger-history.contract.ts'
import { openSqliteLedger } from './sqlite-ledger.ts'

async function openUnderTest(): Promise<LedgerUnderTest> {
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
}

ledgerContract('SQLite', openUnderTest)
budgetsContract('SQLite', openUnderTest)
historyContract('SQLite', openUnderTest)

test.each([
  ['removed', async (path: string) => rm(path)],
  ['replaced', async (path: string) => rename(path, `${path}.old`).then(() => writeFile(path, 'another file'))],
])(
  'a ledger whose file was %s while it was open answers nothing more, so that no charge is lost in silence (I9)',
  async (what, harm) => {
    const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-ledger-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    const path = join(directory, 'ledger.db')
    await using ledger = await openSqliteLedger({ path, owner: 'here' })
    await ledger.reserve(reserveRequest('a1'))
    await harm(path)
    const refusal = { code: 'ledger_unusable', message: expect.stringContaining(`was ${what} while it was open`) }
    await expect(ledger.reserve(reserveRequest('a2'))).rejects.toMatchObject(refusal)
    await expect(ledger.settle(settleRequest('a1'))).rejects.toMatchObject(refusal)
  },
)
