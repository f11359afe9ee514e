import { expect, test } from 'vitest'
import { endedInWords } from './memory-words.ts'

const process = (name: string, mebibytes: number) => ({ pid: 1, name, bytes: mebibytes * 2 ** 20 })

test.each([
  [[process('node', 200.5)], 'the process node (201MiB) was ended, since all together had more than 96MiB'],
  [
    [process('node', 200), process('sh', 1), process('sh', 1)],
    'the process node (200MiB) and 2 more were ended, since all together had more than 96MiB',
  ],
])('the largest is named, the others are counted', (ended, words) => {
  expect(endedInWords({ bottleId: 'run-1', limitBytes: 96 * 2 ** 20, ended })).toBe(words)
})
