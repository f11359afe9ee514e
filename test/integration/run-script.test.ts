import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

interface Counts {
  readonly passed: number
  readonly failed: number
}

/** Plain JavaScript without types, since it must run before anything is installed. */
const tasks: { countReport(report: unknown, how: { code: number; isCi: boolean }): Counts } = await import(
  new URL('../../scripts/tasks.mjs', import.meta.url).href
)

const file = (status: string, ...outcomes: readonly string[]) => ({
  status,
  assertionResults: outcomes.map((outcome) => ({ status: outcome })),
})

test.each([
  ['tests that pass', { testResults: [file('passed', 'passed', 'passed')] }, 0, true, { passed: 2, failed: 0 }],
  ['a test that fails', { testResults: [file('failed', 'passed', 'failed')] }, 1, true, { passed: 1, failed: 1 }],
  [
    'a test that is skipped in CI',
    { testResults: [file('passed', 'passed', 'pending')] },
    0,
    true,
    { passed: 1, failed: 1 },
  ],
  [
    'a test that is left to do in CI',
    { testResults: [file('passed', 'passed', 'todo')] },
    0,
    true,
    { passed: 1, failed: 1 },
  ],
  [
    'a test that is skipped elsewhere',
    { testResults: [file('passed', 'passed', 'skipped')] },
    0,
    false,
    { passed: 1, failed: 0 },
  ],
  [
    'a file that cannot be loaded',
    { testResults: [file('failed'), file('passed', 'passed')] },
    1,
    true,
    { passed: 1, failed: 1 },
  ],
  ['a hook that fails after its tests', { testResults: [file('failed', 'passed')] }, 1, true, { passed: 1, failed: 1 }],
  ['an error outside of any test', { testResults: [file('passed', 'passed')] }, 1, true, { passed: 1, failed: 1 }],
  ['no report at all', undefined, 134, true, { passed: 0, failed: 1 }],
  ['no test at all', { testResults: [] }, 0, true, { passed: 0, failed: 1 }],
])('the last line of `npm test` counts %s', (_, report, code, isCi, expected) => {
  expect(tasks.countReport(report, { code, isCi })).toEqual(expected)
})

test('an unknown task lists the known ones, exit code 2', async () => {
  const script = fileURLToPath(new URL('../../scripts/run.mjs', import.meta.url))
  await expect(promisify(execFile)(process.execPath, [script, 'tset'])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Tasks: demo, test, check'),
  })
})
