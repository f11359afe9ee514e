/** `bottle.internal` from inside real bottles. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { OwnBudgetView } from '../../src/proxy/own-view.ts'
import { typed } from '../fakes/command.ts'
import { modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'
import { testUsers } from '../fakes/test-user.ts'

const url = 'bottle.internal/budget'

describe.each(testUsers)('in a bottle $title', (user) => {
  let host: ProductHost
  beforeAll(async () => {
    host = await openProductHost({
      user,
      provider: ['--output-tokens', '100'],
      settings: 'budget: {claude: {limit: 1000000, period: month, always: true}}\nthresholds: [75]\n',
    })
  })
  afterAll(() => host[Symbol.asyncDispose]())

  const inBottle = (script: string, ...options: readonly string[]) => [
    ...['run', '--bottle', 'claude', '--workspace', 'none', ...options, '--'],
    ...['sh', '-c', script],
  ]
  const look = async (script: string, ...options: readonly string[]): Promise<OwnBudgetView> => {
    const { stdout, stderr } = await host.run(inBottle(script, ...options))
    expect(stderr).toBe('')
    return JSON.parse(stdout)
  }

  test.each([
    ['plain HTTP', `curl -sS http://${url}`],
    ['the CA that every program trusts', `curl -sS https://${url}`],
    ['HTTP/1.1', `curl -sS --http1.1 https://${url}`],
    ['the explicit proxy', `curl -sS -x http://127.0.0.1:3128 http://${url}`],
    ['a tunnel', `curl -sS -x http://127.0.0.1:3128 https://${url}`],
  ])('an agent reads what is left by %s', async (_, command) => {
    const { providers, thresholdsPercent } = await look(command, '--budget', '5000')
    expect(thresholdsPercent).toEqual([75])
    expect(providers).toMatchObject([
      {
        provider: 'claude',
        chargedTokens: 0,
        leftTokens: 5000,
        budgets: [
          { scope: expect.stringMatching(/^run:run-/), period: 'total', leftTokens: 5000, resetsAtMs: null },
          {
            scope: 'host',
            period: expect.stringMatching(/^month:/),
            limitTokens: 1000000,
            resetsAtMs: expect.any(Number),
          },
        ],
      },
    ])
  })

  test('it counts down as the bottle is charged', async () => {
    const { providers } = await look(
      `${modelCallInShell()} > /dev/null; curl -sS --retry 3 http://${url}`,
      '--budget',
      '5000',
    )
    const [{ chargedTokens, leftTokens } = { chargedTokens: 0, leftTokens: 0 }] = providers
    expect(chargedTokens).toBeGreaterThan(100)
    expect(leftTokens).toBe(5000 - chargedTokens)
  })

  test('of another bottle it shows nothing: no name, no count, and no way to ask for it (I7)', async () => {
    const script = `${modelCallInShell()} > /dev/null; curl -sS http://${url}; echo; read go`
    const other = host.start(inBottle(script, '--budget', '777777'), { input: typed })
    const said = await other.said(/\{"bottle":"(run-[0-9a-f]+)".*\}/)
    const { bottle: otherId } = JSON.parse(said[0]) as OwnBudgetView
    const ways = [
      `http://${url}`,
      `http://${url}?bottle=${otherId}`,
      `-H 'x-bottle: ${otherId}' http://${url}`,
      `http://bottle.internal/budget/${otherId}`,
      'http://bottle.internal/',
    ]
    const { stdout } = await host.run(
      inBottle(ways.map((way) => `curl -sS ${way}; echo`).join('\n'), '--budget', '5000'),
    )
    expect(stdout.match(/"leftTokens":5000/g)).toHaveLength(6)
    expect(stdout).not.toContain('777777')
    // What was asked for is not repeated either.
    expect(stdout).not.toContain(otherId)
    other.type('\n')
    await other.ended
  })
})
