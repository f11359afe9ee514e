/** The table of endpoints in docs/metering.md is the one that requests are decided by. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { knownProviders } from './providers.ts'

const page = readFileSync(new URL('../../../docs/metering.md', import.meta.url), 'utf8')

test('the page of the meter shows every endpoint of the built-in providers, in their order, and no other (M21)', () => {
  const rows = knownProviders.flatMap(({ name, hosts }) =>
    hosts.flatMap(({ host, endpoints }) =>
      endpoints.map((endpoint) => {
        const how = endpoint.kind === 'metered' ? `metered, \`${endpoint.format}\`` : endpoint.kind
        const asked = `\`${endpoint.method} ${endpoint.path}\`${'transport' in endpoint ? ' as a WebSocket' : ''}`
        return `| \`${name}\` | ${host} | ${asked} | ${how} |`
      }),
    ),
  )
  const table = ['| provider | host | endpoint | |', '|---|---|---|---|', ...new Set(rows)].join('\n')
  const [, shown] = /<!-- endpoints: [^\n]*-->\n\n((?:\|[^\n]*\n)*)/.exec(page) ?? []
  expect(shown?.trimEnd()).toBe(table)
})
