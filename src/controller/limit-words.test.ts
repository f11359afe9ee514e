import { expect, test } from 'vitest'
import { diskInWords, memoryInWords } from './limit-words.ts'

const process = (name: string, mebibytes: number) => ({ pid: 1, name, bytes: mebibytes * 2 ** 20 })

test.each([
  [[process('node', 200.5)], 'the process node (201MiB) was ended, since all together had more than 96MiB'],
  [
    [process('node', 200), process('sh', 1), process('sh', 1)],
    'the process node (200MiB) and 2 more were ended, since all together had more than 96MiB',
  ],
])('the largest is named, the others are counted', (ended, words) => {
  expect(memoryInWords({ bottleId: 'run-1', limitBytes: 96 * 2 ** 20, ended })).toBe(words)
})

test('of a writer it is said how much it wrote, and what the bottle has', () => {
  const sizes = { limitBytes: 2 ** 30, usedBytes: 1.5 * 2 ** 30 }
  expect(diskInWords({ bottleId: 'run-1', ...sizes, ended: [process('yes', 512)] })).toBe(
    'the process yes (512MiB written) was ended, since its files have 1536MiB, and may have 1GiB',
  )
})
