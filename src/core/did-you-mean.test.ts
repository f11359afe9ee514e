import { expect, test } from 'vitest'
import { didYouMean } from './did-you-mean.ts'

const commands = ['start', 'run', 'ps', 'cutoff', 'restore', 'usage']

test.each([
  ['strat', 'start'],
  ['Start', 'start'],
  ['cutof', 'cutoff'],
  ['restor', 'restore'],
  ['usgae', 'usage'],
  ['sp', 'ps'],
])('takes %s for %s', (word, expected) => {
  expect(didYouMean(word, commands)).toBe(expected)
})

test.each(['xyzzy', '', 'deploy', 'a'.repeat(10_000)])('makes no guess for a word that is like none', (word) => {
  expect(didYouMean(word, commands)).toBeUndefined()
})
