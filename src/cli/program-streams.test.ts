import { closeSync, fstatSync, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { passedStreams } from './program-streams.ts'

let directory = ''
let opened: number[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-streams-'))
  opened = []
})

afterEach(async () => {
  for (const descriptor of opened) closeSync(descriptor)
  await rm(directory, { recursive: true })
})

const streamsOn = (...targets: readonly [path: string, flags: string][]) => {
  opened = targets.map(([path, flags]) => openSync(path, flags))
  return passedStreams((stream) => fstatSync(opened[stream] ?? -1))
}

test('files are carried, other streams are passed on (S15)', () => {
  const file = join(directory, 'file')
  expect(streamsOn(['/dev/null', 'r'], [file, 'a'], ['/dev/null', 'w'])).toEqual(['inherit', 'pipe', 'inherit'])
  expect(streamsOn([file, 'r'], ['/dev/null', 'w'], [file, 'r+'])).toEqual(['pipe', 'inherit', 'pipe'])
})

test('a directory is refused, since everything of the host lies beside it (S15)', () => {
  expect(() => streamsOn([directory, 'r'], ['/dev/null', 'w'], ['/dev/null', 'w'])).toThrow(
    'the standard input is a directory',
  )
})
