/** The short form of `bench/estimator.ts`: what it promises, on fewer conversations. */
import { expect, test } from 'vitest'
import { figuresOf, measureAccuracy } from '../../bench/estimator-parts/accuracy-run.ts'
import { loadCorpus } from '../../bench/estimator-parts/corpus.ts'
import { tokenizers } from '../../bench/estimator-parts/tokenizers.ts'

const corpus = await loadCorpus()

test.each([
  ['anthropic', 'o200k'],
  ['chat', 'cl100k'],
] as const)('after 20 calls the estimates of %s requests are near the counts of %s', (shape, name) => {
  const count = tokenizers[name] ?? expect.fail('it is one of them')
  const measured = measureAccuracy({ corpus, shape, count, conversationsOfEach: 2, turns: 20, warmUpCalls: 20 })
  const figures = (phase: string) => figuresOf(measured.filter((one) => one.phase === phase))
  expect(figures('alone').calls).toBeGreaterThan(400)
  expect(figures('alone').meanErrorPercent).toBeLessThan(5)
  expect(figures('continued').meanErrorPercent).toBeLessThan(2)
  expect(figures('alone').beyondPercent).toBeLessThan(1)
  expect(figures('continued').beyondPercent).toBeLessThan(1)
  // A margin that is always enough would be no use for a strict budget.
  expect(figures('continued').marginPercent).toBeLessThan(30)
})
