import { expect, test } from 'vitest'
import { defaultLimits } from '../limits/limits.ts'
import { problemInWords } from './definition.ts'
import { limitsNotation, limitsOf, type WrittenLimits } from './limits-notation.ts'
import { readDocument } from './read-document.ts'

function problemsOf(yaml: string): readonly string[] {
  const read = readDocument(yaml, 'file', limitsNotation)
  return read.kind === 'invalid' ? read.problems.map(problemInWords) : []
}

function written(yaml: string): WrittenLimits {
  const read = readDocument(yaml, 'file', limitsNotation)
  return read.kind === 'invalid' ? {} : (read.value ?? {})
}

const defaults = defaultLimits({ hostMemoryBytes: 8 * 2 ** 30 })

test('what a bottle says wins over the settings, and these over the defaults', () => {
  const limits = limitsOf(
    [written('processes: unlimited'), written('memory: 2GiB\nprocesses: 99\ndisk: 5GiB\ncpu_weight: 5')],
    defaults,
  )
  expect(limits).toEqual({ ...defaults, memoryBytes: 2 ** 31, processes: null, diskBytes: 5 * 2 ** 30, cpuWeight: 5 })
  expect(limitsOf([], defaults)).toEqual(defaults)
})

test.each([
  [
    'memory: 2GB',
    '1:9: memory: expected a size such as 512MiB or 2GiB (KiB, MiB, GiB, TiB), or unlimited, found "2GB"',
  ],
  ['memory: 31MiB', '1:9: memory: at least 32MiB are needed, found "31MiB"'],
  ['disk: 15MiB', '1:7: disk: at least 16MiB are needed, found "15MiB"'],
  ['processes: 15', '1:12: processes: found "15"; a whole number from 16 to 1000000 is expected'],
  ['processes: none', '1:12: processes: found "none"; a whole number from 16 to 1000000 is expected'],
  ['cpu_weight: 101', '1:13: cpu_weight: found "101"; a whole number from 1 to 100 is expected'],
  ['procesess: 50', 'did you mean "processes"?'],
])('refuses %s', (yaml, problem) => {
  expect(problemsOf(yaml)).toEqual([expect.stringContaining(problem)])
})
