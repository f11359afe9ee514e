import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { pruneFiles } from './prune-files.ts'

test('the files that were changed last are left', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-prune-'))
  try {
    for (const [name, seconds] of [
      ['a', 30],
      ['b', 10],
      ['c', 20],
      ['d', 40],
    ] as const) {
      await writeFile(join(directory, name), '')
      await utimes(join(directory, name), seconds, seconds)
    }
    await pruneFiles(directory, 4)
    expect(await readdir(directory)).toEqual(['a', 'b', 'c', 'd'])
    await pruneFiles(directory, 2)
    expect(await readdir(directory)).toEqual(['a', 'd'])
  } finally {
    await rm(directory, { recursive: true })
  }
})
