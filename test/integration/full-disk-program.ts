/**
 * A ledger on a disk that becomes full while exchanges are open, for `ledger-full-disk.test.ts`: `node full-disk-program.ts
 * DIRECTORY`. Prints what happened as JSON.
 */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { host, reserveRequest, settleRequest } from '../../src/ledger/ledger.contract.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'
import { until } from '../fakes/until.ts'

export interface FullDisk {
  readonly failedSettles: number
  readonly settledWhileFull: number
  readonly refusal: { readonly message: string; readonly hint: string }
  readonly openingRefusal: string
  readonly settledTokens: number
  readonly reservedTokens: number
  readonly mismatches: number
  readonly reservedAgain: string
}

const exchanges = 400

async function run(directory: string): Promise<FullDisk> {
  const path = join(directory, 'ledger.db')
  const ballast = join(directory, 'ballast')
  await using ledger = await openSqliteLedger({ path, owner: 'here' })
  const ids = Array.from({ length: exchanges }, (_, index) => `a${index}`)
  await Promise.all(ids.map((id) => ledger.reserve(reserveRequest(id, { holdTokens: 5 }))))
  fillDisk(ballast)
  let failedSettles = 0
  for (const id of ids) {
    await ledger.settle(settleRequest(id, { chargeTokens: 7 })).catch(() => {
      failedSettles += 1
    })
  }
  const refused = await ledger.reserve(reserveRequest('new')).then(
    () => undefined,
    (error: unknown) => error as FullDisk['refusal'],
  )
  const opened = await openSqliteLedger({ path: join(directory, 'other.db'), owner: 'here' }).then(
    () => 'opened',
    (error: unknown) => (error as Error).message,
  )
  const full = await ledger.counter(host)
  rmSync(ballast)
  const settled = async () => (await ledger.counter(host)).settledTokens === 7 * exchanges
  await until('every charge is written', settled, 30_000)
  const { settledTokens, reservedTokens } = await ledger.counter(host)
  return {
    failedSettles,
    settledWhileFull: full.settledTokens / 7,
    refusal: { message: refused?.message ?? '', hint: refused?.hint ?? '' },
    openingRefusal: opened,
    settledTokens,
    reservedTokens,
    mismatches: (await ledger.verify()).length,
    reservedAgain: (await ledger.reserve(reserveRequest('new'))).kind,
  }
}

/** To the last byte: what is left is less than any page. */
function fillDisk(path: string): void {
  const file = openSync(path, 'w')
  for (let size = 65_536; size >= 1; ) {
    try {
      if (writeSync(file, Buffer.alloc(size)) < size) size = Math.floor(size / 2)
    } catch {
      size = Math.floor(size / 2)
    }
  }
  closeSync(file)
}

const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('expected a directory')
process.stdout.write(JSON.stringify(await run(directory)))
