import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openOutputLog } from '../../host/output-log.ts'
import { openOutput, type ReadOptions } from './read-output.ts'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-output-'))
})
afterEach(() => rm(directory, { recursive: true }))

async function textOf(options: Partial<ReadOptions>): Promise<string> {
  const output = await openOutput(directory, { lastLines: undefined, until: undefined, ...options })
  if (!output) throw new Error('there is no log')
  let text = ''
  for await (const bytes of output) text += bytes.toString('latin1')
  return text
}

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`).join('')

test('there is nothing to read of a bottle without a log', async () => {
  expect(await openOutput(directory, { lastLines: undefined, until: undefined })).toBeUndefined()
})

test.each([
  ['the last line', 1, lines(99, 100)],
  ['the last lines, over a rotation', 90, lines(10, 100)],
  ['more than there are', 1_000, lines(0, 100)],
])('reads %s', async (_, lastLines, expected) => {
  using log = openOutputLog(directory, 500)
  for (let line = 0; line < 100; line++) log.write(Buffer.from(lines(line, line + 1)))
  expect(await textOf({ lastLines })).toBe(expected)
})

test('follows over rotations, to the last byte before the end', async () => {
  using log = openOutputLog(directory, 2_000)
  log.write(Buffer.from(lines(0, 100)))
  const ended = new AbortController()
  const output = await openOutput(directory, { lastLines: 1, until: ended.signal })
  let [text, next] = ['', 100]
  for await (const bytes of output ?? []) {
    text += bytes.toString('latin1')
    if (next === 400) continue
    log.write(Buffer.from(lines(next, next + 100)))
    next += 100
    if (next === 400) ended.abort()
  }
  expect(text).toBe(lines(99, 400))
})
