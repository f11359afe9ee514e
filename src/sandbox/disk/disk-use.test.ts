import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { diskUseOf } from './disk-use.ts'

const KiB = 1_024
let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bot-bottle-disk-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

const use = (pids: readonly number[] = []) => diskUseOf(directory, pids)
const write = (name: string, kibibytes: number) =>
  writeFileSync(join(directory, name), Buffer.alloc(kibibytes * KiB, 'x'))

test('what is allocated counts: of a sparse file little, of one with two names once, of an empty one a block', () => {
  write('file', 64)
  linkSync(join(directory, 'file'), join(directory, 'again'))
  write('empty', 0)
  write('sparse', 0)
  truncateSync(join(directory, 'sparse'), 1_024 * 1_024 * KiB)
  mkdirSync(join(directory, 'folder/deep'), { recursive: true })
  write('folder/deep/file', 8)
  expect(use()).toEqual({ bytes: (64 + 4 + 4 + 4 + 4 + 8) * KiB, isHiding: false })
})

test('a file that was deleted counts as long as a process of the bottle has it open', () => {
  const before = use([process.pid]).bytes
  write('deleted', 64)
  const fd = openSync(join(directory, 'deleted'), 'r')
  rmSync(join(directory, 'deleted'))
  expect(use([process.pid]).bytes - before).toBe(64 * KiB)
  closeSync(fd)
  expect(use([process.pid]).bytes).toBe(before)
})

test('the folder that an overlay keeps for itself is not looked into, and one that nobody may read is told', () => {
  mkdirSync(join(directory, 'layers/home/work/work'), { recursive: true })
  chmodSync(join(directory, 'layers/home/work/work'), 0)
  expect(use().isHiding).toBe(false)
  mkdirSync(join(directory, 'hidden'))
  chmodSync(join(directory, 'hidden'), 0)
  // Nothing is hidden from root.
  expect(use().isHiding).toBe(process.getuid?.() !== 0)
  chmodSync(join(directory, 'hidden'), 0o700)
})

test('what is gone meanwhile is no failure', () => {
  rmSync(directory, { recursive: true })
  expect(use([2 ** 30])).toEqual({ bytes: 0, isHiding: false })
})
