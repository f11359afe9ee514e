import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { refuseUnbalanced } from '../../src/controller/recovery.ts'
import { reserveRequest, settleRequest } from '../../src/ledger/ledger.contract.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'

test('a ledger whose counters were changed from outside is refused, with both numbers and a way out (I6)', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-recovery-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const path = join(directory, 'ledger.db')
  {
    await using ledger = await openSqliteLedger({ path, owner: 'first' })
    await ledger.reserve(reserveRequest('a1', { governing: [] }))
    await ledger.settle(settleRequest('a1', { chargeTokens: 1_234 }))
    await expect(refuseUnbalanced(ledger, path)).resolves.toBeUndefined()
  }
  const database = new DatabaseSync(path)
  database.exec('UPDATE counter SET settled_tokens = 0')
  database.close()

  await using ledger = await openSqliteLedger({ path, owner: 'second' })
  await expect(refuseUnbalanced(ledger, path)).rejects.toMatchObject({
    code: 'ledger_unusable',
    message: expect.stringContaining('says 0 tokens, its events say 1234'),
    hint: expect.stringContaining(path),
  })
})
