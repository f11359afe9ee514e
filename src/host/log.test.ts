import { expect, test } from 'vitest'
import { logLevels } from '../core/log-level.ts'
import { createLog, type LogLine, lineForEyes, maxLogCharacters } from './log.ts'

const nowMs = () => Date.UTC(2026, 10, 22, 8)

function told(
  level: (typeof logLevels)[number],
  tell: (log: ReturnType<typeof createLog>) => void,
): readonly LogLine[] {
  const lines: LogLine[] = []
  tell(
    createLog({
      level,
      nowMs,
      write: (line) => lines.push(line),
      clean: (text) => text.replaceAll('sk-real', '[credential]'),
    }),
  )
  return lines
}

test('a line has its time, level and sentence, and what it is about', () => {
  expect(told('info', (log) => log.warn('budget spent', { bottle: 'web-1', tokens: 7, model: null }))).toEqual([
    ...[
      { time: '2026-11-22T08:00:00.000Z', level: 'warn', msg: 'budget spent', bottle: 'web-1', tokens: 7, model: null },
    ],
  ])
})

test.each(logLevels.map((level, index) => [level, logLevels.slice(index)] as const))(
  'at %s the levels %j are told',
  (level, expected) => {
    const lines = told(level, (log) => {
      for (const one of logLevels) log[one]('x')
    })
    expect(lines.map((line) => line.level)).toEqual(expected)
  },
)

test('for eyes it is one line, the sentence first', () => {
  const [line] = told('info', (log) => log.info('it is ready', { bottle: 'web-1', action: 'cutoff' }))
  expect(line && lineForEyes(line)).toBe('2026-11-22T08:00:00.000Z info  it is ready (bottle=web-1 action=cutoff)')
})

test('no text moves a cursor, turns its direction or is without end (S16)', () => {
  const hostile = `\x1b]0;owned\x07\u202eevil\u009b2J${'x'.repeat(2 * maxLogCharacters)}`
  const [line] = told('info', (log) => log.error(hostile, { path: hostile }))
  expect(line?.msg).toMatch(/^\]0;ownedevil2Jx+$/)
  expect(line?.msg.length).toBeLessThanOrEqual(maxLogCharacters)
  expect(line?.path).toBe(line?.msg)
})

test('what an event is about cannot pass for the level or the sentence of another', () => {
  const [line] = told('info', (log) => log.info('a', { note: 'b\n{"level":"error","msg":"c"}' }))
  expect(JSON.stringify(line).split('\n')).toHaveLength(1)
})

test('no credential that is known passes into a line, also where the end of a text is left out (C03)', () => {
  const long = `${'x'.repeat(maxLogCharacters - 2)}sk-real`
  const lines = told('info', (log) => log.error('bug: Error: Bearer sk-real', { header: 'sk-real', long }))
  expect(lines[0]).toMatchObject({ msg: 'bug: Error: Bearer [credential]', header: '[credential]' })
  expect(JSON.stringify(lines)).not.toContain('sk')
})
