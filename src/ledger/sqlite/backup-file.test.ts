import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { backUpLedgerFile } from './backup-file.ts'
import { openSqliteLedger } from './sqlite-ledger.ts'

it('leaves nothing of a backup that is broken off', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'bot-bottle-backup-'))
  try {
    const path = join(directory, 'ledger.db')
    await (await openSqliteLedger({ path, owner: 'test' }))[Symbol.asyncDispose]()
    const db = new DatabaseSync(path)
    // More than is copied at once.
    db.exec('CREATE TABLE much (bytes BLOB); INSERT INTO much VALUES (zeroblob(8000000))')
    db.close()
    const copy = join(directory, 'copy.db')
    const copies = () => readdirSync(directory).filter((name) => name.startsWith('copy'))
    const aborted = backUpLedgerFile(path, copy, AbortSignal.abort())
    await expect(aborted).rejects.toThrow('This operation was aborted')
    expect(copies()).toEqual([])
    await backUpLedgerFile(path, copy)
    expect(copies()).toEqual(['copy.db'])
  } finally {
    rmSync(directory, { recursive: true })
  }
})
