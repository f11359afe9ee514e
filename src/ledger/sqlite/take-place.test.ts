import {
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { finishTakingPlace, takePlace } from './take-place.ts'

const nowMs = Date.UTC(2026, 10, 22, 18, 40, 5)
const stamp = '20261122T184005Z'

let path: string
beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), 'bot-bottle-place-'))
  path = join(directory, 'ledger.db')
  onTestFinished(() => rmSync(directory, { recursive: true }))
  writeFileSync(path, 'damaged')
  writeFileSync(`${path}-wal`, 'its log')
  writeFileSync(`${path}-shm`, '')
  writeFileSync(`${path}.draft`, 'whole')
})

const files = () =>
  Object.fromEntries(readdirSync(join(path, '..')).map((name) => [name, readFileSync(join(path, '..', name), 'utf8')]))
const taken = {
  'ledger.db': 'whole',
  [`ledger.db.damaged-${stamp}`]: 'damaged',
  [`ledger.db.damaged-${stamp}-wal`]: 'its log',
}

test('a rebuilt ledger takes the place of the damaged one, which is kept with its log', () => {
  expect(takePlace(path, `${path}.draft`, nowMs)).toBe(`${path}.damaged-${stamp}`)
  expect(files()).toEqual(taken)
})

const steps: readonly (readonly [string, () => void])[] = [
  ['it was said to be whole', () => renameSync(`${path}.draft`, `${path}.rebuilt-${stamp}`)],
  ['the damaged one had its other name', () => linkSync(path, `${path}.damaged-${stamp}`)],
  ['the log was moved', () => renameSync(`${path}-wal`, `${path}.damaged-${stamp}-wal`)],
  ['somebody looked at the ledger then', () => writeFileSync(`${path}-wal`, '')],
  ['it had the name', () => renameSync(`${path}.rebuilt-${stamp}`, path)],
]
test.each(steps.slice(0, -1).map(([title], index) => [title, index + 1] as const))(
  'a process that is killed after %s loses nothing: the next one goes on (L09)',
  (_, count) => {
    for (const [, step] of steps.slice(0, count)) step()
    finishTakingPlace(path)
    finishTakingPlace(path)
    expect(files()).toEqual(taken)
  },
)

test('a draft that is not whole yet takes no place', () => {
  finishTakingPlace(path)
  expect(readFileSync(path, 'utf8')).toBe('damaged')
  expect(existsSync(`${path}-wal`)).toBe(true)
})

test('a name that is taken is refused before anything is changed', () => {
  writeFileSync(`${path}.damaged-${stamp}`, 'an earlier one')
  const before = files()
  expect(() => takePlace(path, `${path}.draft`, nowMs)).toThrow('is there already')
  expect(files()).toEqual(before)
})
