/** `bottle.internal`: what a bottle reads about itself, on every way in. */
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { operatorCutMessage } from '../../src/core/budget/wording.ts'
import { BottleError } from '../../src/core/errors.ts'
import { protocols } from '../fakes/http-clients.ts'
import { leadingTo, type MeteredUpstream, startProviderUpstream } from '../fakes/metered-upstream.ts'
import { dialTunnel, readAnswer, readToClose } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'

const host = 'bottle.internal'
const nowMs = Date.UTC(2026, 10, 22)

let upstream: MeteredUpstream
let rig: ProxyRig
let stack = new AsyncDisposableStack()

beforeAll(async () => {
  upstream = await startProviderUpstream()
  rig = await openProxyRig({ ...leadingTo(upstream), budgets: { claude: 1_000 }, nowMs: () => nowMs })
})
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})
afterEach(async () => {
  expect(rig.bugs).toEqual([])
  expect(upstream.connectionCount).toBe(0)
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

const none = { chargedTokens: 0, leftTokens: null, budgets: [] }
const view = {
  bottle: 'rig-1',
  atMs: nowMs,
  thresholdsPercent: [50, 80, 90, 95],
  providers: [
    {
      provider: 'claude',
      chargedTokens: 0,
      leftTokens: 1_000,
      budgets: [
        {
          scope: 'run:rig-1',
          period: 'total',
          limitTokens: 1_000,
          settledTokens: 0,
          leftTokens: 1_000,
          resetsAtMs: null,
        },
      ],
    },
    { provider: 'codex', ...none },
    { provider: 'gemini', ...none },
  ],
}

/** A request without TLS, to one of the listeners. */
async function askPlainly(port: number, options: { readonly path?: string; readonly method?: string } = {}) {
  const request = httpRequest({ host: '127.0.0.1', port, path: '/budget', agent: false, headers: { host }, ...options })
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  request.end()
  return readAnswer((await answered)[0])
}

describe.each(protocols)('over https in $name', ({ connect }) => {
  it('a bottle reads what is left of its budgets', async () => {
    using client = connect(rig)
    const { status, headers, text } = await client.ask({ host, method: 'GET', path: '/budget?fresh' })
    expect({ status, view: JSON.parse(text) }).toEqual({ status: 200, view })
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
  })

  it('HEAD has the head alone', async () => {
    using client = connect(rig)
    const { status, headers, text } = await client.ask({ host, method: 'HEAD', path: '/budget' })
    expect({ status, text }).toEqual({ status: 200, text: '' })
    expect(Number(headers['content-length'])).toBeGreaterThan(100)
  })

  it('nothing can be changed', async () => {
    using client = connect(rig)
    const answer = await client.ask({ host, method: 'POST', path: '/budget', body: '{"limitTokens":9}' })
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
  })

  it.each(['/', '/budget/', '/budget/claude', '/%62udget', '/toString'])(
    '%s is no page, and those that are are told',
    async (path) => {
      using client = connect(rig)
      const { status, text } = await client.ask({ host, method: 'GET', path })
      expect(status).toBe(404)
      expect(JSON.parse(text).error.message).toMatch(/these are there: \/budget$/)
    },
  )
})

it('plain HTTP will do, at port 80 and by the explicit proxy, also through a tunnel', async () => {
  const answers = [
    await askPlainly(rig.ports.http),
    await askPlainly(rig.ports.proxy, { path: `http://${host}/budget` }),
  ]
  expect(answers.map(({ body }) => JSON.parse(body.toString()))).toEqual([view, view])
  const tunnel = await dialTunnel(rig, `${host}:80`)
  const answer = readToClose(tunnel)
  tunnel.write(`GET /budget HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
  expect(await answer).toContain(JSON.stringify(view))
})

it('a bottle that is cut is refused here as everywhere', async () => {
  const cut = stack.use(await openProxyRig(leadingTo(upstream)))
  await cut.proxy.cut(operatorCutMessage)
  const { status, body } = await askPlainly(cut.ports.http)
  expect({ status, message: JSON.parse(body.toString()).error.message }).toEqual({
    status: 403,
    message: operatorCutMessage,
  })
})

it('a ledger that fails is a failure, not an empty budget (I9)', async () => {
  const failing = stack.use(
    await openProxyRig({
      ...leadingTo(upstream),
      wrapLedger: (ledger) => ({
        ...ledger,
        counter: () => Promise.reject(new BottleError('ledger_unusable', 'no disk')),
      }),
    }),
  )
  const { status, body } = await askPlainly(failing.ports.http)
  expect(status).toBe(502)
  expect(body.toString()).not.toContain('leftTokens')
  expect(failing.bugs).toEqual([])
})

it('is told to the log as its own, and to nobody as denied', async () => {
  const fresh = stack.use(await openProxyRig(leadingTo(upstream)))
  await askPlainly(fresh.ports.http)
  await expect.poll(() => fresh.passed).toMatchObject([{ verdict: 'own', host, path: '/budget', status: 200 }])
  expect(fresh.denials).toEqual([])
})
