import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { type SimulatedProvider, startSimulatedProvider } from '../../src/demo/provider/simulated-provider.ts'
import { create, openResponsesSocket, type ResponsesSocket, type SocketOptions } from '../fakes/responses-socket.ts'
import { until } from '../fakes/until.ts'

let stack = new AsyncDisposableStack()

afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

type Provision = Parameters<typeof startSimulatedProvider>[0]

async function provide(options: Provision = {}): Promise<SimulatedProvider> {
  return stack.use(await startSimulatedProvider(options))
}

async function open(provider: SimulatedProvider, options: Partial<SocketOptions> = {}): Promise<ResponsesSocket> {
  return stack.use(await openResponsesSocket({ port: provider.port, ca: provider.caCertificate, ...options }))
}

const typesOf = (events: readonly { readonly type: string }[]) => events.map(({ type }) => type)
const responseOf = (event: object | undefined) => (event as { response: Record<string, unknown> }).response
const turnsOf = ({ served }: SimulatedProvider) => served.filter(({ method }) => method === 'response.create')

test('a turn over a WebSocket has the events of the stream, and the usage that the provider logged', async () => {
  const provider = await provide({ outputTokens: 30 })
  const socket = await open(provider)
  expect(socket.head.headers['openai-model']).toBe('gpt-6.1-sol')
  const events = await socket.turn(create())
  expect(typesOf(events).slice(0, 4)).toEqual([
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
  ])
  expect(responseOf(events.at(-1))).toMatchObject({ status: 'completed', usage: { output_tokens: 30 } })
  await until('the turn is logged', () => turnsOf(provider)[0]?.end === 'complete')
  expect(provider.served).toMatchObject([
    { method: 'GET', path: '/v1/responses', status: 101 },
    { method: 'response.create', status: 200, end: 'complete', model: 'gpt-6.1-sol', reported: { outputTokens: 30 } },
  ])
})

test('a turn goes on from the last response, whose transcript it is billed for, from the cache where it can be', async () => {
  const call = { name: 'look', input: { path: 'a' } }
  const provider = await provide({ script: [{ text: 'Looking.', toolCall: call }, { text: 'Done.' }] })
  const socket = await open(provider)
  const tools = [{ type: 'function', name: 'look', parameters: {} }]
  const first = responseOf((await socket.turn(create({ tools, input: 'x'.repeat(8_000) }))).at(-1))
  const [, item] = first.output as { type: string; call_id: string }[]
  expect(item).toMatchObject({ type: 'function_call', name: 'look' })
  const output = { type: 'function_call_output', call_id: item?.call_id, output: 'b' }
  const second = await socket.turn(create({ tools, input: [output], previous_response_id: first.id }))
  const [before, after] = turnsOf(provider)
  expect(responseOf(second.at(-1)).output).toMatchObject([{ content: [{ text: 'Done.' }] }])
  expect(before?.reported.cacheReadTokens).toBe(0)
  expect(after?.reported.cacheReadTokens).toBeGreaterThanOrEqual(1_920)
})

test('a prewarm is answered without output, and the turn after it goes on from it', async () => {
  const provider = await provide()
  const socket = await open(provider)
  const events = await socket.turn(create({ generate: false, input: [] }))
  expect(typesOf(events)).toEqual(['response.created', 'response.in_progress', 'response.completed'])
  const warmed = responseOf(events.at(-1))
  expect(warmed).toMatchObject({ output: [], usage: { output_tokens: 0 } })
  const turn = await socket.turn(create({ previous_response_id: warmed.id }))
  expect(turn.at(-1)?.type).toBe('response.completed')
})

test('what cannot be answered is an error event, and the socket stays open', async () => {
  const provider = await provide()
  const socket = await open(provider)
  const errors = [
    [{ ...create(), previous_response_id: 'resp_other' }, 'previous_response_not_found'],
    [{ ...create(), type: 'response.cancel' }, null],
    [{ ...create(), model: 7 }, null],
  ] as const
  for (const [message, code] of errors) {
    expect(await socket.turn(message)).toMatchObject([{ type: 'error', status: 400, error: { code } }])
  }
  expect((await socket.turn(create())).at(-1)?.type).toBe('response.completed')
})

test('messages that come while a response runs are answered after it, one by one', async () => {
  const provider = await provide({ outputTokens: 40 })
  const socket = await open(provider)
  for (let count = 0; count < 3; count += 1) socket.send(create({ input: `turn ${count}` }))
  const completions = () => typesOf(socket.events).filter((type) => type === 'response.completed')
  await until('all three are answered', () => completions().length === 3)
  const created = typesOf(socket.events).flatMap((type, index) => (type === 'response.created' ? [index] : []))
  const completed = typesOf(socket.events).flatMap((type, index) => (type === 'response.completed' ? [index] : []))
  expect(completed).toHaveLength(3)
  expect(created[1]).toBe((completed[0] ?? 0) + 1)
  expect(created[2]).toBe((completed[1] ?? 0) + 1)
})

test('each fail mode ends a turn in its own way', async () => {
  const failing = (fail: NonNullable<Provision>['fail']) => provide(fail && { fail, outputTokens: 100 })
  const http = await open(await failing(() => ({ kind: 'http', status: 429 })))
  expect(await http.turn(create())).toMatchObject([
    { type: 'error', status: 429, error: { code: 'rate_limit_exceeded' } },
  ])
  const event = await open(await failing(() => ({ kind: 'error-event', afterTokens: 8 })))
  expect((await event.turn(create())).at(-1)).toMatchObject({
    type: 'response.failed',
    response: { error: { code: 'server_error' } },
  })
  const end = await open(await failing(() => ({ kind: 'end', afterTokens: 8 })))
  await expect(end.turn(create())).rejects.toThrow('closed with 1000')
  const provider = await failing(() => ({ kind: 'reset', afterTokens: 8 }))
  const reset = await open(provider)
  await expect(reset.turn(create())).rejects.toThrow('closed with 1006')
  expect(turnsOf(provider)).toMatchObject([{ end: 'failed', billed: { outputTokens: 8 } }])
})

test('a client that leaves in mid-turn ends it', async () => {
  const provider = await provide({ outputTokens: 100_000, deltaIntervalMs: 1 })
  const socket = await open(provider)
  socket.send(create())
  await socket.next()
  socket.socket.terminate()
  await until('the provider stops', () => turnsOf(provider)[0]?.end === 'aborted')
})

test('an upgrade is refused without the credential, and with 426 elsewhere or where WebSockets are off', async () => {
  const provider = await provide({ credential: 'the-real-one' })
  await expect(open(provider)).rejects.toThrow('401')
  await expect(
    open(provider, { headers: { authorization: 'Bearer the-real-one' }, path: '/v1/files' }),
  ).rejects.toThrow('426')
  await expect(open(await provide({ webSockets: false }))).rejects.toThrow('426')
})

test('compression is spoken when it is offered', async () => {
  const provider = await provide()
  const plain = await open(provider, { client: { perMessageDeflate: false } })
  expect(plain.socket.extensions).toBe('')
  const compressed = await open(provider, { client: { perMessageDeflate: true } })
  expect(compressed.socket.extensions).toBe('permessage-deflate')
  expect((await compressed.turn(create({ input: 'x'.repeat(10_000) }))).at(-1)?.type).toBe('response.completed')
  const closed = once(compressed.socket, 'close')
  compressed.socket.close()
  await closed
})
