/** What bottles were refused, summed from their egress logs: these outlive the bottle, the controller and the host's reboot. */
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Denied } from '../proxy/egress.ts'
import type { DenialRow } from './api.ts'

export interface DenialFilter {
  readonly bottleId?: string
  /** Rows; those that came last are kept. */
  readonly limit: number
}

/** Different rows of one bottle; a program that tries more places than that is told of by those that it tried last. */
const maxRowsOfBottle = 2_000
const fileName = /^([a-z0-9_-]+)\.egress\.jsonl(?:\.1)?$/

export async function readDenials(logsPath: string, { bottleId, limit }: DenialFilter): Promise<readonly DenialRow[]> {
  const files = (await readdir(logsPath)).flatMap((name) => {
    const id = fileName.exec(name)?.[1]
    return id === undefined || (bottleId !== undefined && bottleId !== id) ? [] : [{ id, path: join(logsPath, name) }]
  })
  const found: DenialRow[] = []
  for (const id of new Set(files.map((file) => file.id))) {
    const paths = files.filter((file) => file.id === id).map(({ path }) => path)
    // The older file of a log is `.1`.
    found.push(...(await denialsIn(id, paths.toSorted().reverse())))
  }
  return found.toSorted((one, other) => one.lastAtMs - other.lastAtMs).slice(-limit)
}

async function denialsIn(bottleId: string, paths: readonly string[]): Promise<readonly DenialRow[]> {
  const rows = new Map<string, DenialRow>()
  for (const path of paths) {
    for await (const line of createInterface({ input: createReadStream(path) })) {
      const denied = refusedLine(line)
      if (!denied) continue
      const { atMs, method, host, path: asked, status, code, reason } = denied
      const key = JSON.stringify([method, host, asked, code])
      const earlier = rows.get(key)
      // Behind all others: the first of the map is the one that was not seen for longest.
      rows.delete(key)
      const firstAtMs = earlier?.firstAtMs ?? atMs
      const count = (earlier?.count ?? 0) + 1
      rows.set(key, { bottleId, method, host, path: asked, status, code, reason, count, firstAtMs, lastAtMs: atMs })
      const [oldest] = rows.keys()
      if (rows.size > maxRowsOfBottle && oldest !== undefined) rows.delete(oldest)
    }
  }
  return [...rows.values()]
}

interface RefusedLine extends Denied {
  readonly atMs: number
  readonly verdict: 'refused'
}

/** A line that a crash cut off is none. */
function refusedLine(line: string): RefusedLine | undefined {
  if (!line.includes('"verdict":"refused"')) return undefined
  try {
    const parsed = JSON.parse(line) as RefusedLine
    return parsed.verdict === 'refused' ? parsed : undefined
  } catch {
    return undefined
  }
}
