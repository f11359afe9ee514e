/** What a controller does at its start, on a real ledger. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { planVersion } from '../../src/controller/bottle-plan.ts'
import { recover, refuseUnbalanced } from '../../src/controller/recovery.ts'
import { messageOf } from '../../src/core/errors.ts'
import { createEnforcer } from '../../src/enforce/enforcer.ts'
import { reserveRequest, settleRequest } from '../../src/ledger/ledger.contract.ts'
import type { BottleRow } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'
import { createNone } from '../../src/sandbox/none/none.ts'
import type { SandboxReference } from '../../src/sandbox/sandbox.ts'

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

describe('a controller that starts', () => {
  const reference: SandboxReference = {
    kind: 'bubblewrap',
    holderPid: 1,
    holderStartTicks: 1,
    bootId: 'earlier',
    networkNamespace: 'net:[1]',
  }
  const row = (id: string, changes: Partial<BottleRow> = {}): BottleRow => ({
    ...{ id, agent: 'run', definitions: [], state: 'running', policy: 'cutoff', contained: true, createdAtMs: 1 },
    ...{ endedAtMs: null, exitCode: null, reference: JSON.stringify(reference) },
    ...changes,
  })

  async function stage(rows: readonly BottleRow[], sweep: (reference: SandboxReference) => Promise<void>) {
    const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-recovery-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    const instancesPath = join(directory, 'instances')
    await mkdir(instancesPath)
    const ledger = await openSqliteLedger({ path: join(directory, 'ledger.db'), owner: 'next' })
    onTestFinished(() => ledger[Symbol.asyncDispose]())
    for (const one of rows) await ledger.insertBottle(one)
    const failures: string[] = []
    const recoverNow = () =>
      recover({
        charges: [],
        ledger,
        instancesPath,
        nowMs: () => 7,
        keptHashes: { begin: () => {} },
        enforcer: createEnforcer({ ledger, nowMs: () => 7, newId: () => 'e1', onEntry: () => {} }),
        backendOf: () => ({ ...createNone(), sweep }),
        prepareAdoption: async () => ({ open: async () => ({ kind: 'gone' }) }),
        takeIn: () => expect.fail('nothing lives'),
        onFailure: (error) => failures.push(messageOf(error)),
      })
    return { ledger, instancesPath, failures, recoverNow }
  }

  test('removes directories of bottles that have ended, but what is kept for the user, and never another’s', async () => {
    const ended = { endedAtMs: 5 } as const
    const { instancesPath, recoverNow } = await stage(
      [
        row('killed', { state: 'killed', ...ended }),
        row('nothing-kept', { state: 'exited', ...ended }),
        row('kept', { state: 'exited', ...ended }),
        row('unknown-plan', { state: 'exited', ...ended }),
        row('never-ran', { state: 'starting', reference: '' }),
      ],
      async () => {},
    )
    const names = ['killed', 'nothing-kept', 'kept', 'unknown-plan', 'never-ran', 'of-somebody', '.removing-half']
    for (const name of names) {
      await mkdir(join(instancesPath, name))
      await writeFile(join(instancesPath, name, 'authority.json'), '{}')
    }
    const plan = (name: string, keepsWorkspace: boolean) =>
      writeFile(join(instancesPath, name, 'plan.json'), JSON.stringify({ version: planVersion, keepsWorkspace }))
    await plan('nothing-kept', false)
    await plan('kept', true)
    await recoverNow()
    expect((await readdir(instancesPath)).toSorted()).toEqual(['kept', 'of-somebody', 'unknown-plan'])
    // Nobody takes an ended bottle up: its authority is of no use any more.
    expect(await readdir(join(instancesPath, 'kept'))).toEqual(['plan.json'])
    expect(await readdir(join(instancesPath, 'of-somebody'))).toEqual(['authority.json'])
  })

  test('goes on where one bottle cannot be ended, and tries again at the next start', async () => {
    let isStuck = true
    const { ledger, failures, recoverNow } = await stage([row('stuck'), row('other')], async () => {
      if (isStuck) throw new Error('the process does not end')
    })
    const asked = { enforcementId: 'e0', bottleId: 'stuck', reason: 'asked', nowMs: 1 }
    await ledger.beginEnforcement({ ...asked, action: 'kill', trigger: 'operator' })
    await recoverNow()
    expect(failures).toContain('the process does not end')
    // Closed it is, so that nothing of it would get a way out.
    expect(await ledger.bottle('stuck')).toMatchObject({ state: 'cut', endedAtMs: null })
    isStuck = false
    await recoverNow()
    expect(await ledger.bottles({ living: true })).toEqual([])
  })
})
