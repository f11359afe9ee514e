/** Recorded answers of each wire format through the real proxy: the client's bytes, and what the ledger is told. */
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { answerSmall, leadingTo, type MeteredUpstream, startProviderUpstream } from '../fakes/metered-upstream.ts'
import { anthropicHost, ask, googleHost, metered, open, openaiHost, readAnswer } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig, type ProxyRigOptions } from '../fakes/proxy-rig.ts'

let stack = new AsyncDisposableStack()

afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function provide(
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
  options: Partial<ProxyRigOptions> = {},
): Promise<ProxyRig & { readonly upstream: MeteredUpstream }> {
  const upstream = stack.use(await startProviderUpstream(onRequest))
  const rig = stack.use(await openProxyRig({ ...leadingTo(upstream), ...options }))
  return { ...rig, upstream }
}

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../src/core/metering/formats/fixtures/${name}`, import.meta.url))
const typeOf = (name: string) => (name.endsWith('.sse') ? 'text/event-stream' : 'application/json')
const google = '/v1beta/models/gemini-x'

describe('the answer of', () => {
  it.each([
    [openaiHost, '/v1/responses/compact', 'openai-responses/compaction.json', 'codex', 8600],
    [openaiHost, '/v1/embeddings', 'openai-embeddings/embeddings.json', 'codex', 23],
    [googleHost, `${google}:generateContent`, 'gemini/response.json', 'gemini', 51],
    [googleHost, `${google}:streamGenerateContent?alt=sse`, 'gemini/text.sse', 'gemini', 1051],
    [googleHost, `${google}:streamGenerateContent`, 'gemini/array.json', 'gemini', 1051],
  ])(
    '%s%s passes as it is, and is charged what it reports (I4, M21, M25)',
    async (host, path, name, provider, charge) => {
      const bytes = fixture(name)
      const rig = await provide((request, response) => {
        request.resume()
        response.writeHead(200, { 'content-type': typeOf(name) })
        for (let at = 0; at < bytes.length; at += 100) response.write(bytes.subarray(at, at + 100))
        response.end()
      })
      const answer = await ask(rig, { host, path, body: '{"model":"asked"}' })
      expect(answer.body).toEqual(bytes)
      await rig.settled(1)
      expect(rig.settlements).toMatchObject([{ provider, chargeTokens: charge, source: 'authoritative' }])
      expect(rig.bugs).toEqual([])
    },
  )
})

describe('a stream of Gemini whose budget is spent', () => {
  const element = (text: string) => JSON.stringify({ candidates: [{ content: { parts: [{ text }] } }] })

  it.each([
    ['as events', 'text/event-stream', (text: string) => `data: ${element(text)}\n\n`],
    ['as one JSON array', 'application/json', (text: string) => `[${element(text)},\n`],
  ])('is reset, %s, and the next call is told why (E01, E02)', async (_, contentType, write) => {
    const rig = await provide(
      (request, response) => {
        request.resume()
        response.writeHead(200, { 'content-type': contentType }).write(write('many words '.repeat(400)))
      },
      { budgets: { gemini: 1_000 } },
    )
    const stream = { host: googleHost, path: `${google}:streamGenerateContent`, body: '{"contents":[]}' }
    const cut = await readAnswer(await open(rig, stream))
    expect(cut.isWhole).toBe(false)
    const { status, body } = await ask(rig, stream)
    expect(status).toBe(400)
    expect(JSON.parse(body.toString()).error).toMatchObject({
      status: 'FAILED_PRECONDITION',
      message: expect.stringContaining('budget spent'),
    })
  })
})

describe('a request for a tool that the provider runs', () => {
  const search = {
    host: anthropicHost,
    body: metered({ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }),
  }

  it('is refused with a sentence that names it and what allows it, and nothing is dialled (I3, M21)', async () => {
    const rig = await provide(answerSmall)
    const { status, body } = await ask(rig, search)
    expect(status).toBe(400)
    expect(JSON.parse(body.toString()).error.message).toMatch(/^bot-bottle: "web_search" .*"provider_tools"/)
    expect(rig.denials).toMatchObject([{ reason: expect.stringContaining('web_search') }])
    expect(rig.upstream.seen).toEqual([])
    expect(rig.settlements).toEqual([])
  })

  it('passes where the route allows it', async () => {
    const rig = await provide(answerSmall, { routes: [{ host: anthropicHost, providerTools: ['web_search'] }] })
    expect((await ask(rig, search)).status).toBe(200)
  })
})
