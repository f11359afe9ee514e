/** `metrics` of settings.yml: what a real controller tells Prometheus and a collector, of a real bottle. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BudgetList, UsageReport } from '../../src/controller/api.ts'
import { modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'

interface Export {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly { readonly name: string }[] }[]
  }[]
}

// An address of our own: another run of this test may be on the same machine.
const octet = () => 1 + Math.floor(Math.random() * 250)
const address = `127.${octet()}.${octet()}.${octet()}:9464`
const exports: Export[] = []
let collector: Server
let host: ProductHost
let inBottle = ''

beforeAll(async () => {
  collector = createServer(async (request, response) => {
    exports.push((await json(request)) as Export)
    response.end('{}')
  })
  await once(collector.listen(0, '127.0.0.1'), 'listening')
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
  host = await openProductHost({
    provider: ['--output-tokens', '3000'],
    settings: `budget: {claude: {limit: 900000, period: month}}\nmetrics: {prometheus: "${address}", otlp: {endpoint: "${endpoint}"}}\n`,
  })
  const reach = `for url in http://${address}/metrics http://localhost:9464/metrics; do curl -sS -m 5 -x http://127.0.0.1:3128 $url; curl -sS -m 5 --noproxy '*' $url; done 2>&1`
  const script = `${modelCallInShell({ documentTokens: 20 })} >/dev/null; ${reach}; ${modelCallInShell()} > /dev/null`
  const options = ['--bottle', 'claude', '--workspace', 'none', '--budget', '1000']
  inBottle = (await host.run(['run', ...options, '--', 'sh', '-c', script])).stdout
})
afterAll(async () => {
  await host?.[Symbol.asyncDispose]()
  collector?.close()
})

const scrape = async () => (await fetch(`http://${address}/metrics`)).text()
/** Sum over the series of a name that have these labels. */
const sumOf = (text: string, name: string, ...labels: readonly string[]) =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)

test('what Prometheus reads is what the ledger has', async () => {
  const text = await scrape()
  const { rows } = await host.json<UsageReport>(['usage', '--by', 'provider'])
  const [row] = rows
  expect(row).toBeDefined()
  expect(sumOf(text, 'bot_bottle_charged_tokens_total')).toBe(row?.chargeTokens)
  expect(sumOf(text, 'gen_ai_client_token_usage_sum', 'gen_ai_token_type="output"')).toBe(row?.outputTokens)
  expect(sumOf(text, 'gen_ai_client_operation_duration_seconds_count')).toBe(row?.exchanges)
  expect(sumOf(text, 'gen_ai_client_token_usage_count', 'gen_ai_response_model="claude-opus-4-8"')).toBeGreaterThan(0)
  expect(sumOf(text, 'bot_bottle_enforcements_total', 'bot_bottle_action="cutoff"')).toBe(1)
  expect(sumOf(text, 'bot_bottle_ledger_duration_seconds_count', 'bot_bottle_call="settle"')).toBe(row?.exchanges)
  const budgets = await host.json<BudgetList>(['budget', 'list'])
  const budget = budgets.find(({ scope, period }) => scope === 'host' && period.startsWith('month:'))
  const labels = ['bot_bottle_scope="host"', 'bot_bottle_provider="claude"', 'bot_bottle_period="month"']
  expect(sumOf(text, 'bot_bottle_budget_limit', ...labels)).toBe(900_000)
  expect(sumOf(text, 'bot_bottle_budget_settled', ...labels)).toBe(budget?.settledTokens)
})

test('docs/metrics.md names what there is', async () => {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')
  const cells = [...page.matchAll(/^\| (`[^|]+`) \|/gm)].map(([, cell = '']) => cell)
  const named = cells.flatMap((cell) => {
    const [first = '', ...others] = [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
    const folder = first.slice(0, first.lastIndexOf('.'))
    return [first, ...others.map((name) => (name.startsWith('.') ? folder + name : name))]
  })
  const told = [...(await scrape()).matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name)
  expect(told.map((name) => name.replace(/(?:_seconds)?(?:_total)?$/, '')).toSorted()).toEqual(
    named.map((name) => name.replaceAll('.', '_')).toSorted(),
  )
})

test('a bottle does not reach it, neither by its address nor by name (S08)', async () => {
  expect(inBottle.match(/only port 80 is open here|Failed to connect/g)).toHaveLength(4)
  expect(inBottle).not.toContain('gen_ai')
  expect(sumOf(await scrape(), 'bot_bottle_denials_total')).toBeGreaterThan(0)
})

test('a collector gets the same, the last when the controller ends', async () => {
  await host.run(['controller', 'stop', '--force'])
  const names = exports.at(-1)?.resourceMetrics[0]?.scopeMetrics[0]?.metrics.map(({ name }) => name)
  expect(names).toEqual(
    expect.arrayContaining([
      ...['gen_ai.client.token.usage', 'gen_ai.client.operation.duration', 'bot_bottle.charged_tokens'],
      ...['bot_bottle.enforcements', 'bot_bottle.budget.limit', 'bot_bottle.ledger.duration'],
    ]),
  )
})
