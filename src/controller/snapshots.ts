/** Bottles that leave for another host, and that come from one: what of them is in the ledger. Their files are the command line's. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { periods } from '../core/budget/period.ts'
import { scopeKey } from '../core/budget/scope.ts'
import { BottleError } from '../core/errors.ts'
import { parseSnapshotManifest, type SnapshotManifest } from '../core/snapshot/snapshot-manifest.ts'
import type { Ledger, Override } from '../ledger/ledger.ts'
import type { SnapshotFacts } from './api.ts'

export interface Snapshots {
  /** Throws BottleError `conflict` for a bottle that is not frozen. */
  facts(id: string): Promise<SnapshotFacts>
  /**
   * Makes a frozen bottle of what an import has unpacked into a folder beside those of the bottles. A crash leaves all of it or
   * nothing. Throws BottleError `conflict` where there is a bottle of that id.
   */
  takeIn(folder: string): Promise<string>
}

export interface SnapshotsOptions {
  readonly ledger: Ledger
  readonly instancesPath: string
  readonly nowMs: () => number
}

const runScope = (id: string) => scopeKey({ kind: 'run', name: id })

export function createSnapshots({ ledger, instancesPath, nowMs }: SnapshotsOptions): Snapshots {
  return {
    async facts(id) {
      const row = await ledger.bottle(id)
      if (row?.state !== 'frozen') {
        throw new BottleError('conflict', `bottle "${id}" is ${row ? `not frozen: it is ${row.state}` : 'not there'}`, {
          hint: 'Freeze it first: bot-bottle freeze ID',
        })
      }
      const { agent, definitions, policy, createdAtMs } = row
      const rows = await ledger.usage({ by: 'provider', eachModel: true, scope: runScope(id) })
      const spent = rows.map(({ group: _, exchanges: __, model = '', ...tokens }) => ({ model, ...tokens }))
      const limits = (await ledger.overrides({ scope: runScope(id) })).map(({ scope: _, ...limit }) => limit)
      return { bottle: { id, agent, definitions: [...definitions], policy, createdAtMs }, spent, limits }
    },

    async takeIn(folder) {
      const unpacked = join(instancesPath, folder)
      const manifest = parseSnapshotManifest(await readFile(join(unpacked, 'manifest.json'), 'utf8'))
      const { bottle, limits } = manifest
      const { id } = bottle
      const earlier = await ledger.bottle(id)
      // An import that a crash interrupted has left a row that failed, and nothing else.
      const isLeft = earlier?.state === 'failed' && earlier.reference === '' && !existsSync(join(instancesPath, id))
      if (earlier && !isLeft) {
        throw new BottleError('conflict', `there is a bottle "${id}" here`, {
          hint: 'Give the other one its own: --as ID',
        })
      }
      // `starting`, until it is whole: a controller that finds it so makes it frozen if its files are there, and failed if not.
      const starting = { state: 'starting', endedAtMs: null, exitCode: null, reference: '' } as const
      if (earlier) await ledger.updateBottle(id, starting)
      else await ledger.insertBottle({ ...bottle, ...starting, contained: true })
      try {
        await chargeSpent(manifest)
        for (const limit of limits) await ledger.setOverride({ scope: runScope(id), ...overrideOf(limit) })
        await rename(unpacked, join(instancesPath, id))
        await rm(join(instancesPath, id, 'manifest.json'))
        await ledger.updateBottle(id, { state: 'frozen' })
      } catch (error) {
        await ledger.updateBottle(id, { state: 'failed', endedAtMs: nowMs() })
        throw error
      }
      return id
    },
  }

  /** To its own run only: what other scopes used is what was used here. */
  async function chargeSpent({ bottle: { id, agent }, spent }: SnapshotManifest): Promise<void> {
    for (const { provider, model, chargeTokens, estimatedTokens, ...tokens } of spent) {
      const attemptId = `import-${randomUUID()}`
      const { cacheWriteTokens, cacheWrite1hTokens, ...others } = tokens
      await ledger.reserve({
        ...{ attemptId, bottleId: id, agent, provider, model: model || null, inputTokens: tokens.inputTokens },
        ...{ holdTokens: chargeTokens, holdsRoom: false, governing: [], chain: [runScope(id)], nowMs: nowMs() },
      })
      await ledger.settle({
        attemptId,
        usage: {
          ...others,
          cacheWrite5mTokens: Math.max(0, cacheWriteTokens - cacheWrite1hTokens),
          cacheWrite1hTokens,
        },
        chargeTokens,
        source: estimatedTokens > 0 ? 'partial' : 'authoritative',
        model: model || null,
        ending: 'imported',
        nowMs: nowMs(),
      })
    }
  }
}

function overrideOf({
  provider,
  period,
  limitTokens,
  always,
}: SnapshotManifest['limits'][number]): Omit<Override, 'scope'> {
  const known = periods.find((name) => name === period)
  if (known) return { provider, period: known, limitTokens, always }
  throw new BottleError('usage', `the snapshot has a budget of the period "${period}", which there is not`)
}
