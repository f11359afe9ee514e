/** What `apply` and `discard` changed themselves: path → change time (ctime) that it has had since, in the stack's folder. */
import { randomUUID } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'

export type AppliedTimes = ReadonlyMap<string, bigint>

const fileName = 'applied.json'

export async function readAppliedTimes(directory: string): Promise<Map<string, bigint>> {
  const text = await readFile(path.join(directory, fileName), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}'
    throw error
  })
  const recorded = JSON.parse(text) as Record<string, string> // written below
  return new Map(Object.entries(recorded).map(([file, time]) => [file, BigInt(time)]))
}

export async function writeAppliedTimes(directory: string, times: AppliedTimes): Promise<void> {
  const text = JSON.stringify(Object.fromEntries([...times].map(([file, time]) => [file, String(time)])))
  const temporary = path.join(directory, `.${fileName}.${randomUUID()}`)
  await writeFile(temporary, text, { mode: 0o600 })
  await rename(temporary, path.join(directory, fileName))
}
