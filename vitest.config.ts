import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

/**
 * One project per kind of test; `unit` is what `npm run check` runs, everything is what `npm test` runs. The times are
 * those of a busy machine: no test asserts one.
 */
const projects = {
  unit: { include: ['src/**/*.test.ts'], testTimeoutMs: 20_000 },
  integration: { include: ['test/integration/**/*.test.ts'], testTimeoutMs: 60_000 },
  e2e: { include: ['test/e2e/**/*.test.ts'], testTimeoutMs: 120_000 },
  escape: { include: ['test/escape/**/*.test.ts'], testTimeoutMs: 120_000 },
  faults: { include: ['test/faults/**/*.test.ts'], testTimeoutMs: 120_000 },
  soak: { include: ['test/soak/**/*.test.ts'], testTimeoutMs: 120_000 },
  agents: { include: ['test/agents/**/*.test.ts'], testTimeoutMs: 300_000 },
}

/** vitest would take one less than there are cores; but most tests wait for processes, and two share two cores well. */
const maxWorkers = Math.max(2, availableParallelism() - 1)

export default defineConfig({
  test: {
    maxWorkers,
    projects: Object.entries(projects).map(([name, { include, testTimeoutMs }]) => ({
      test: { name, include, testTimeout: testTimeoutMs, hookTimeout: testTimeoutMs, pool: 'forks' as const },
    })),
  },
})
