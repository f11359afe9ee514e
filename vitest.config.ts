import { defineConfig } from 'vitest/config'

/** One project per kind of test; `unit` is what `npm run check` runs, everything is what `npm test` runs. */
const projects = {
  unit: { include: ['src/**/*.test.ts'], testTimeoutMs: 10_000 },
  integration: { include: ['test/integration/**/*.test.ts'], testTimeoutMs: 30_000 },
  e2e: { include: ['test/e2e/**/*.test.ts'], testTimeoutMs: 60_000 },
  escape: { include: ['test/escape/**/*.test.ts'], testTimeoutMs: 60_000 },
  faults: { include: ['test/faults/**/*.test.ts'], testTimeoutMs: 60_000 },
  soak: { include: ['test/soak/**/*.test.ts'], testTimeoutMs: 60_000 },
  agents: { include: ['test/agents/**/*.test.ts'], testTimeoutMs: 300_000 },
}

export default defineConfig({
  test: {
    projects: Object.entries(projects).map(([name, { include, testTimeoutMs }]) => ({
      test: { name, include, testTimeout: testTimeoutMs, hookTimeout: testTimeoutMs, pool: 'forks' as const },
    })),
  },
})
