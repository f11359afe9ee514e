import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLineLog, type LineLogOptions } from './line-log.ts'

let directory = ''
let path = ''
const failures: unknown[] = []
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-log-'))
  path = join(directory, 'a.jsonl')
  failures.length = 0
})
afterEach(() => rm(directory, { recursive: true }))

function createLog(options: Partial<LineLogOptions> = {}) {
  const onFailure = (error: unknown) => void failures.push(error)
  return createLineLog({ path, maxFileBytes: 1_000, maxWaitingCharacters: 10_000, onFailure, ...options })
}

async function linesOf(file: string): Promise<unknown[]> {
  const text = await readFile(file, 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
}

test('lines are in the file in their order, which only its owner can read', async () => {
  await using log = createLog()
  for (let at = 0; at < 10; at += 1) log.write({ at })
  await log.flush()
  log.write({ at: 10 })
  await log.flush()
  expect(await linesOf(path)).toEqual(Array.from({ length: 11 }, (_, at) => ({ at })))
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('there is no file before the first line', async () => {
  await using log = createLog()
  await log.flush()
  expect(await readdir(directory)).toEqual([])
})

test('a file that would become too large is kept once beside the new one', async () => {
  await using log = createLog()
  for (let at = 0; at < 60; at += 1) {
    log.write({ at, text: 'x'.repeat(50) })
    await log.flush()
  }
  expect(await readdir(directory)).toEqual(['a.jsonl', 'a.jsonl.1'])
  for (const name of await readdir(directory)) expect((await stat(join(directory, name))).size).toBeLessThan(1_001)
  expect((await linesOf(path)).at(-1)).toMatchObject({ at: 59 })
})

test('lines beyond what may wait are dropped, and counted', async () => {
  await using log = createLog({ maxWaitingCharacters: 100 })
  for (let at = 0; at < 100; at += 1) log.write({ at })
  await log.flush()
  const lines = await linesOf(path)
  expect(lines.at(-1)).toEqual({ droppedLines: 100 - (lines.length - 1) })
  expect(lines.length).toBeLessThan(15)
})

test('a file that cannot be written is told once, and nobody who logs fails', async () => {
  await mkdir(path)
  await using log = createLog({ maxFileBytes: 1_000_000 })
  for (let at = 0; at < 3; at += 1) {
    log.write({ at })
    await log.flush()
  }
  expect(failures).toHaveLength(1)
})
