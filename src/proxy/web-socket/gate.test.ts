import { expect, it } from 'vitest'
import { createGate } from './gate.ts'

function gateTo(passed: string[], onPass: (item: string) => void = () => {}) {
  const states: string[] = []
  const gate = createGate<string>({
    pass(item) {
      passed.push(item)
      onPass(item)
    },
    pause: () => states.push('paused'),
    resume: () => states.push('resumed'),
  })
  return { gate, states }
}

it('passes at once what nothing holds', () => {
  const passed: string[] = []
  const { gate, states } = gateTo(passed)
  gate.push('a')
  expect({ passed, states }).toEqual({ passed: ['a'], states: [] })
})

it('keeps the order of what came while it was held, and resumes its source when the last hold ends', () => {
  const passed: string[] = []
  const { gate, states } = gateTo(passed)
  gate.hold()
  gate.hold()
  gate.push('a')
  gate.push('b')
  gate.release()
  expect({ passed, states }).toEqual({ passed: [], states: ['paused'] })
  gate.release()
  expect({ passed, states }).toEqual({ passed: ['a', 'b'], states: ['paused', 'resumed'] })
})

it('keeps the rest when one of what it lets through makes it hold again', () => {
  const passed: string[] = []
  const { gate, states } = gateTo(passed, (item) => item === 'a' && gate.hold())
  gate.hold()
  for (const item of ['a', 'b', 'c']) gate.push(item)
  gate.release()
  expect({ passed, states }).toEqual({ passed: ['a'], states: ['paused', 'paused'] })
  gate.push('d')
  gate.release()
  expect({ passed, states }).toEqual({ passed: ['a', 'b', 'c', 'd'], states: ['paused', 'paused', 'resumed'] })
})
