import { expect, it } from 'vitest'
import { parseStat, readStat } from './process-stat.ts'

it('reads a process whose name looks like the fields behind it', () => {
  const text = `12 (a) R 1 (b) S 7 ${'0 '.repeat(17)}4711 0 0`
  expect(parseStat(text)).toEqual({ pid: 12, parentPid: 7, startTicks: 4711, isZombie: false, isStopped: false })
})

it('knows this process, and says nothing of one that is gone or of text that is no stat', () => {
  expect(readStat(process.pid)).toMatchObject({ pid: process.pid, parentPid: process.ppid, isZombie: false })
  expect(readStat(2 ** 30)).toBeUndefined()
  expect(parseStat('')).toBeUndefined()
  expect(parseStat('12 (x) S')).toBeUndefined()
})
