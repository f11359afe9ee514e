import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { reserveRequest } from '../ledger.contract.ts'
import { openSqliteLedger } from './sqlite-ledger.ts'
import { WorkerClient } from './worker-client.ts'

describe('the client of the ledger worker', () => {
  it.each([
    ['exits', `process.exit(0)`],
    ['throws', `throw new Error('out of memory')`],
  ])('rejects every pending and every later call when the worker %s (I9)', async (_how, death) => {
    const worker = new Worker(`require('node:worker_threads').parentPort.on('message', () => { ${death} })`, {
      eval: true,
    })
    const client = new WorkerClient(worker, '/ledger.db', 10)
    const pending = [client.call('verify', []), client.call('verify', [])]
    for (const call of pending) await expect(call).rejects.toMatchObject({ code: 'ledger_unusable' })
    await expect(client.call('verify', [])).rejects.toMatchObject({ code: 'ledger_unusable' })
    await client[Symbol.asyncDispose]()
  })

  it('takes no more calls than its ceiling, and serves again when some are answered (I9)', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-ledger-'))
    const ledger = await openSqliteLedger({ path: join(directory, 'ledger.db'), owner: 'here', maxCallsInFlight: 2 })
    const calls = ['a', 'b', 'c'].map((id) => ledger.reserve(reserveRequest(id)))
    expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
    ])
    await expect(calls[2]).rejects.toMatchObject({ code: 'ledger_unusable' })
    expect(await ledger.reserve(reserveRequest('d'))).toEqual({ kind: 'reserved' })
    await ledger[Symbol.asyncDispose]()
    await rm(directory, { recursive: true })
  })
})
