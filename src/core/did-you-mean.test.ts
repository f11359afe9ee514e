import { expect, test } from 'vitest'
import { didYouMean, didYouMeanId } from './did-you-mean.ts'

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

const ids = ['claude-3fa2c1', 'claude-81b2aa', 'codex-77ab01']

test.each([
  ['claude-3f', 'claude-3fa2c1'],
  ['codex', 'codex-77ab01'],
  ['claude-81b2a', 'claude-81b2aa'],
  ['claude-81b2ab', 'claude-81b2aa'],
  ['cluade-81b2aa', 'claude-81b2aa'],
])('takes %s for the id %s', (word, expected) => {
  expect(didYouMeanId(word, ids)).toBe(expected)
})

test.each(['claude', 'claude-9fa2c9', '', 'gemini-3fa2c1', 'a'.repeat(10_000)])('takes %s for no id', (word) => {
  expect(didYouMeanId(word, ids)).toBeUndefined()
})
