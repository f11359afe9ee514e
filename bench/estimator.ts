/**
 * How near the estimator comes, offline: conversations of many kinds in the request shapes of all wire formats, counted by
 * public tokenizers. `npm run bench -- estimator`
 */
import { figuresOf, type Measured, measureAccuracy, mixes } from './estimator-parts/accuracy-run.ts'
import { loadCorpus } from './estimator-parts/corpus.ts'
import { tokenizers } from './estimator-parts/tokenizers.ts'
import type { Shape } from './estimator-parts/transcripts.ts'

const shapes: readonly Shape[] = ['anthropic', 'responses', 'chat', 'gemini']
const phases = ['alone', 'first', 'continued'] as const
const title = (name: string) =>
  `${name.padEnd(20)} ${'calls'.padStart(7)}${['mean %', 'p95 %', 'bias %', 'margin %', 'beyond %'].map((one) => one.padStart(10)).join('')}`

function line(name: string, measured: readonly Measured[]): string {
  const { calls, ...percents } = figuresOf(measured)
  const figures = [
    percents.meanErrorPercent,
    percents.p95ErrorPercent,
    percents.biasPercent,
    percents.marginPercent,
    percents.beyondPercent,
  ]
  return `${name.padEnd(20)} ${String(calls).padStart(7)}${figures.map((one) => one.toFixed(2).padStart(10)).join('')}`
}

const corpus = await loadCorpus()
const runs = shapes.flatMap((shape) =>
  Object.entries(tokenizers).map(([name, count]) => ({
    name: `${shape} ${name}`,
    measured: measureAccuracy({ corpus, shape, count, conversationsOfEach: 6, turns: 25, warmUpCalls: 20 }),
  })),
)
const all = runs.flatMap(({ measured }) => measured)

for (const phase of phases) {
  console.log(title(phase))
  for (const run of runs)
    console.log(
      line(
        run.name,
        run.measured.filter((one) => one.phase === phase),
      ),
    )
  console.log(
    `${line(
      'all',
      all.filter((one) => one.phase === phase),
    )}\n`,
  )
}
for (const phase of phases) {
  console.log(title(`${phase}, by text`))
  for (const { name } of mixes) {
    console.log(
      line(
        name,
        all.filter((one) => one.mix === name && one.phase === phase),
      ),
    )
  }
  console.log()
}
