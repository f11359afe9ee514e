/** Reads back what egress logs say: these outlive the bottle, the controller and the host's reboot. */
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Denied, PassedRequest } from '../proxy/egress.ts'

export type LoggedRequest = { readonly atMs: number } & (({ readonly verdict: 'refused' } & Denied) | PassedRequest)

const fileName = /^([a-z0-9_-]+)\.egress\.jsonl(?:\.1)?$/

/** The bottles that have a log. */
export async function loggedBottles(logsPath: string): Promise<readonly string[]> {
  return [...new Set((await readdir(logsPath)).flatMap((name) => fileName.exec(name)?.[1] ?? []))]
}

/** The lines of one bottle with that verdict, oldest first. */
export async function* linesOf<Verdict extends LoggedRequest['verdict']>(
  logsPath: string,
  { bottleId, verdict }: { readonly bottleId: string; readonly verdict: Verdict },
): AsyncGenerator<Extract<LoggedRequest, { readonly verdict: Verdict }>> {
  const mark = `"verdict":"${verdict}"`
  const isWanted = (line: LoggedRequest | undefined): line is Extract<LoggedRequest, { readonly verdict: Verdict }> =>
    line?.verdict === verdict
  const names = (await readdir(logsPath)).filter((name) => fileName.exec(name)?.[1] === bottleId)
  // The older file of a log is `.1`.
  for (const name of names.toSorted().reverse()) {
    for await (const text of createInterface({ input: createReadStream(join(logsPath, name)) })) {
      const line = text.includes(mark) ? parsed(text) : undefined
      if (isWanted(line)) yield line
    }
  }
}

/** A line that a crash cut off is none. */
function parsed(text: string): LoggedRequest | undefined {
  try {
    return JSON.parse(text) as LoggedRequest
  } catch {
    return undefined
  }
}
