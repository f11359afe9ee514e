import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Screen, showProgress } from './progress.ts'

let drawn = ''
const screen = (changes: Partial<Screen> = {}): Screen => ({
  isShown: true,
  isUtf8: false,
  widthColumns: 20,
  write: (text) => {
    drawn += text
  },
  ...changes,
})
/** What is left to see. */
const seen = () => drawn.split('\r\x1b[K').at(-1)

beforeEach(() => {
  drawn = ''
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('what is over at once shows nothing', () => {
  {
    using _progress = showProgress('freezing', {}, screen())
    vi.advanceTimersByTime(400)
  }
  vi.advanceTimersByTime(10_000)
  expect(drawn).toBe('')
})

test('what takes longer is shown, turns, counts the seconds and is taken away', () => {
  {
    using progress = showProgress('freezing', {}, screen())
    vi.advanceTimersByTime(500)
    expect(seen()).toBe('| freezing')
    vi.advanceTimersByTime(100)
    expect(seen()).toBe('/ freezing')
    progress.say('sealing')
    vi.advanceTimersByTime(1_000)
    expect(seen()).toBe('\\ sealing 1 s')
  }
  expect(seen()).toBe('')
  vi.advanceTimersByTime(10_000)
  expect(seen()).toBe('')
})

test('what blocks is shown at once', () => {
  using _progress = showProgress('verifying', { isBlocking: true }, screen({ isUtf8: true }))
  expect(seen()).toBe('⠋ verifying')
})

test('it takes one line, however narrow, and no control character', () => {
  using _progress = showProgress(`\x1b[31mcounting ${'x'.repeat(100)}`, { isBlocking: true }, screen())
  expect(seen()).toBe('| [31mcounting xxxx')
})

test('where nobody looks nothing is drawn, and nobody is left to listen for Ctrl-C', () => {
  const before = process.listenerCount('SIGINT')
  {
    using _shown = showProgress('freezing', {}, screen())
    expect(process.listenerCount('SIGINT')).toBe(before + 1)
    using _hidden = showProgress('freezing', { isBlocking: true }, screen({ isShown: false }))
    vi.advanceTimersByTime(400)
  }
  expect(drawn).toBe('')
  expect(process.listenerCount('SIGINT')).toBe(before)
})
