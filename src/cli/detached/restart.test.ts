import { expect, test } from 'vitest'
import { BottleError, type BottleErrorCode } from '../../core/errors.ts'
import { createRestarts, type RestartPolicy } from './restart.ts'

const limits = { maxRestarts: 3, firstWaitMs: 1, maxWaitMs: 2, calmMs: 1_000 }

function open({ policy = 'on-failure' as RestartPolicy, failures = [] as BottleErrorCode[] } = {}) {
  const asked: number[] = []
  const told: string[] = []
  const over = new AbortController()
  const client = {
    async restart(_: string, { restarts }: { readonly restarts: number }) {
      asked.push(restarts)
      const code = failures.shift()
      if (code !== undefined) throw new BottleError(code, 'no')
    },
  }
  const tell = (line: string) => void told.push(line)
  return { asked, told, over, restarts: createRestarts({ client, id: 'x-1', policy, over: over.signal, tell }, limits) }
}
const failed = { exitCode: 3, ranMs: 10 }

test('a program that failed is started again, so many times', async () => {
  const { asked, told, restarts } = open()
  const answers = []
  for (let end = 0; end < 5; end++) answers.push(await restarts.next(failed))
  expect({ answers, asked }).toEqual({ answers: [true, true, true, false, false], asked: [1, 2, 3] })
  expect(told[0]).toContain('failed again (exit code 3) after 3 restarts')
})

test('one that ran well for long has all its restarts again', async () => {
  const { asked, restarts } = open()
  for (let end = 0; end < 3; end++) await restarts.next(failed)
  expect(await restarts.next({ ...failed, ranMs: 1_000 })).toBe(true)
  expect(asked).toEqual([1, 2, 3, 1])
})

test('a controller that is being replaced is asked again', async () => {
  const { asked, restarts } = open({ failures: ['controller_unreachable', 'controller_unreachable'] })
  expect(await restarts.next(failed)).toBe(true)
  expect(asked).toEqual([1, 1, 1])
})

test.each<[string, { policy?: RestartPolicy; failures?: BottleErrorCode[] }, number, boolean]>([
  ['that succeeded', {}, 0, false],
  ['without the option', { policy: 'never' }, 3, false],
  ['whose bottle is cut', { failures: ['conflict'] }, 3, false],
  ['whose bottle is over', {}, 3, true],
])('one %s is not', async (_, options, exitCode, isOver) => {
  const { over, restarts } = open(options)
  if (isOver) over.abort()
  expect(await restarts.next({ exitCode, ranMs: 10 })).toBe(false)
})
