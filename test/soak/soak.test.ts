/** `BOT_BOTTLE_SOAK_SECONDS`, `BOT_BOTTLE_SOAK_SEED`: for how long, and what. See docs/testing.md. */
import { expect, it } from 'vitest'
import { testUsers } from '../fakes/test-user.ts'
import { soak } from './soak-run.ts'

const seconds = Number(process.env.BOT_BOTTLE_SOAK_SECONDS ?? 120)
const seed = Number(process.env.BOT_BOTTLE_SOAK_SEED ?? Date.now() % 1_000_000)
/** For the last phase, and what comes before the first. */
const extraMs = 240_000

it(`leaves nothing behind and loses no charge in ${seconds} s of bottles and controllers that are ended at random, seed ${seed} (S10, I5, I6, I8)`, {
  timeout: seconds * 1_000 + extraMs,
}, async () => {
  const reports = await Promise.all(testUsers.map((user) => soak({ seed, durationMs: seconds * 1_000, user })))
  for (const { lines, ...report } of reports) {
    process.stderr.write(`${JSON.stringify({ seed, ...report })}\n`)
    if (report.problems.length > 0) process.stderr.write(`${lines.join('\n')}\n`)
  }
  expect(reports.flatMap(({ problems }) => problems)).toEqual([])
  // Otherwise nothing was shown.
  for (const { exact, counts } of reports) {
    expect(exact).toBeGreaterThan(0)
    expect(counts.started).toBeGreaterThan(0)
  }
})
