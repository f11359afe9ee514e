/**
 * `BOT_BOTTLE_FAULT_ROUNDS` (or a number after `npm run test:faults --`): how many kills; `BOT_BOTTLE_FAULT_SEED`: of which
 * sequence. See docs/testing.md.
 */
import { expect, it } from 'vitest'
import { runFaults } from './fault-run.ts'

const rounds = Number(process.env.BOT_BOTTLE_FAULT_ROUNDS ?? 24)
const seed = Number(process.env.BOT_BOTTLE_FAULT_SEED ?? Date.now() % 1_000_000)
const roundsPerReport = 50
const maxRoundMs = 15_000

it(`loses no charge and leaks no hold over ${rounds} kills -9 of a controller under load, seed ${seed} (L06, I5, I6, I8)`, {
  timeout: 60_000 + rounds * maxRoundMs,
}, async () => {
  const startedMs = performance.now()
  const onRound = (round: number) => {
    if ((round + 1) % roundsPerReport > 0) return
    process.stderr.write(`${round + 1} kills in ${((performance.now() - startedMs) / 1000).toFixed()} s\n`)
  }
  const { problems, ...figures } = await runFaults({ seed, rounds, onRound })
  process.stderr.write(`${JSON.stringify({ seed, rounds, ...figures })}\n`)
  expect(problems).toEqual([])
  // Otherwise hardly any kill hit an exchange in flight, and the test has shown nothing.
  expect(figures.exact).toBeGreaterThan(rounds / 4)
  expect(figures.unseen).toBeGreaterThan(rounds / 4)
})
