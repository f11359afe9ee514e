import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openOutputLog } from './output-log.ts'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-output-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const read = (name: string) => readFile(join(directory, name), 'latin1').catch(() => '')

test('keeps the newest output, and holds its bound (S13)', async () => {
  const maxBytes = 1_000
  let printed = ''
  using log = openOutputLog(directory, maxBytes)
  for (let line = 0; line < 500; line++) {
    const text = `line ${line}\n`
    printed += text
    log.write(Buffer.from(text))
    const kept = (await read('output.log.1')) + (await read('output.log'))
    expect(kept.length).toBeLessThanOrEqual(2 * maxBytes)
    expect(printed.endsWith(kept)).toBe(true)
  }
  expect(((await read('output.log.1')) + (await read('output.log'))).length).toBeGreaterThan(maxBytes)
})

test('goes on behind what an earlier one wrote, with its own lines on lines of their own', async () => {
  {
    using log = openOutputLog(directory)
    log.write(Buffer.from('half a line'))
    log.tell('cut off')
  }
  using log = openOutputLog(directory)
  log.tell('again')
  expect(await read('output.log')).toBe('half a line\r\nbot-bottle: cut off\r\nbot-bottle: again\r\n')
})

test('a directory that is gone stops nobody', async () => {
  using log = openOutputLog(directory, 10)
  await rm(directory, { recursive: true })
  for (let line = 0; line < 10; line++) log.write(Buffer.from('123456789\n'))
  expect(await read('output.log')).toBe('')
})
