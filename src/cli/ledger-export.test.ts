import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { LedgerExportLine } from '../controller/api.ts'
import { writeExportFile } from './ledger-export.ts'

const line: LedgerExportLine = {
  kind: 'hour',
  hourMs: 0,
  bottleId: 'claude-3fa2c1',
  agent: 'claude',
  provider: 'claude',
  model: 'm',
  source: 'authoritative',
  exchanges: 1,
  inputTokens: 1,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  cacheReadTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  chargeTokens: 1,
}

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-export-'))
})
afterEach(() => rm(directory, { recursive: true }))

test('an export is a whole file', async () => {
  const file = join(directory, 'charges.jsonl')
  await writeExportFile([line, line], { format: 'jsonl', file, signal: new AbortController().signal })
  expect((await readFile(file, 'utf8')).split('\n')).toEqual([JSON.stringify(line), JSON.stringify(line), ''])
})

test('one that is broken off, or fails, leaves no file', async () => {
  const broken = new AbortController()
  function* endless(then: () => void) {
    for (let count = 0; ; count++) {
      if (count === 10_000) then()
      yield line
    }
  }
  const file = join(directory, 'charges.csv')
  const aborted = writeExportFile(
    endless(() => setImmediate(() => broken.abort())),
    { format: 'csv', file, signal: broken.signal },
  )
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
  expect(await readdir(directory)).toEqual([])
  const fail = () => {
    throw new Error('the disk is gone')
  }
  const failed = writeExportFile(endless(fail), { format: 'csv', file, signal: new AbortController().signal })
  await expect(failed).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('the disk is gone') })
  expect(await readdir(directory)).toEqual([])
})
