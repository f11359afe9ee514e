import { once } from 'node:events'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createNetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { prepareHome } from '../host/paths.ts'
import { connectController, createClient } from './client.ts'

let home = ''
let socketPath = ''
let server: Server | undefined

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'bot-bottle-client-'))
  socketPath = (await prepareHome(home)).socketPath
})
afterEach(async () => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
  await rm(home, { recursive: true })
})

async function serve(listener: RequestListener): Promise<void> {
  server = createServer(listener).listen(socketPath)
  await once(server, 'listening')
}

describe('a call', () => {
  test('sends JSON and gives the JSON that comes back', async () => {
    const seen: unknown[] = []
    await serve(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      seen.push([request.method, request.url, JSON.parse(Buffer.concat(chunks).toString() || 'null')])
      response.end(JSON.stringify({ changed: true }))
    })
    const client = createClient(socketPath)
    const restored = await client.restore('run-a1', { budgets: [{ provider: 'claude', limitTokens: 7 }] })
    await client.usage({ by: 'day', eachModel: true, eachBottle: true, sinceMs: 5, untilMs: 9 })
    await client.bottles({ all: true })
    expect(restored).toEqual({ changed: true })
    expect(seen).toEqual([
      ['POST', '/v1/bottles/run-a1/restore', { budgets: [{ provider: 'claude', limitTokens: 7 }] }],
      ['GET', '/v1/usage?by=day&each_model=1&each_bottle=1&since=5&until=9', null],
      ['GET', '/v1/bottles?all=1', null],
    ])
  })

  test.each(['', '*', 'run-a/b', '../status'])('names no bottle by %j, and asks nobody', async (id) => {
    expect(() => createClient(socketPath).kill(id)).toThrow(
      expect.objectContaining({ code: 'usage', message: `"${id}" is not the id of a bottle` }),
    )
  })

  test('throws what the controller says, with code, message and hint', async () => {
    await serve((_, response) => {
      response.writeHead(404)
      response.end(JSON.stringify({ error: { code: 'not_found', message: 'no bottle x', hint: 'See ps.' } }))
    })
    await expect(createClient(socketPath).bottle('x')).rejects.toMatchObject({
      name: 'BottleError',
      code: 'not_found',
      message: 'no bottle x',
      hint: 'See ps.',
    })
  })

  test.each([
    ['an unknown error code', 500, '{"error":{"code":"odd","message":"m"}}', { code: 'internal', message: 'm' }],
    [
      'a failure without a body',
      502,
      '',
      { code: 'internal', message: 'the controller answered with HTTP status 502' },
    ],
    ['an answer that is no JSON', 200, '<html>', { code: 'internal' }],
  ])('takes %s for a bug', async (_, status, body, expected) => {
    await serve((_, response) => {
      response.writeHead(status)
      response.end(body)
    })
    await expect(createClient(socketPath).status()).rejects.toMatchObject(expected)
  })

  test('that the controller breaks off is an error, not silence', async () => {
    await serve((request) => request.socket.destroy())
    await expect(createClient(socketPath).status()).rejects.toMatchObject({
      code: 'controller_unreachable',
      message: expect.stringContaining('connection to the controller broke'),
    })
  })
})

describe('a stream', () => {
  const collect = async (events: AsyncIterable<unknown>) => {
    const all: unknown[] = []
    for await (const event of events) all.push(event)
    return all
  }

  test.each([1, 2, 3, 7, 64])('gives one event a line, however it is split (%i bytes)', async (size) => {
    const bytes = Buffer.from('{"kind":"ä"}\n\n{"kind":"b"}\n{"kind":"c"}\n')
    await serve(async (_, response) => {
      response.socket?.setNoDelay(true)
      response.flushHeaders()
      for (let start = 0; start < bytes.length; start += size) {
        await new Promise((resolve) => response.write(bytes.subarray(start, start + size), resolve))
      }
      response.end()
    })
    const events = await createClient(socketPath).events(new AbortController().signal)
    expect(await collect(events)).toEqual([{ kind: 'ä' }, { kind: 'b' }, { kind: 'c' }])
  })

  test('ends quietly when the reader aborts, and closes the connection', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    await serve((_, response) => {
      response.on('close', resolve)
      response.write('{"kind":"a"}\n')
    })
    const abort = new AbortController()
    const seen: unknown[] = []
    for await (const event of await createClient(socketPath).session('x', abort.signal)) {
      seen.push(event)
      abort.abort()
    }
    expect(seen).toHaveLength(1)
    await closed
  })

  test('throws when the controller dies in the middle', async () => {
    await serve((_, response) => {
      response.write('{"kind":"a"}\n', () => response.socket?.destroy())
    })
    const events = await createClient(socketPath).session('x', new AbortController().signal)
    await expect(collect(events)).rejects.toMatchObject({ code: 'controller_unreachable' })
  })

  test('throws at a line without end', async () => {
    await serve((_, response) => {
      response.write('x'.repeat(3_000_000))
    })
    const events = await createClient(socketPath).session('x', new AbortController().signal)
    await expect(collect(events)).rejects.toMatchObject({ message: 'an event is longer than 1048576 bytes' })
  })

  test('that is refused throws what the controller says', async () => {
    await serve((_, response) => {
      response.writeHead(409)
      response.end('{"error":{"code":"conflict","message":"held by another"}}')
    })
    await expect(createClient(socketPath).session('x', new AbortController().signal)).rejects.toMatchObject({
      code: 'conflict',
    })
  })
})

describe('connecting', () => {
  test('without a controller is an error that says how to start one', async () => {
    await expect(connectController({ home, start: false })).rejects.toMatchObject({
      code: 'controller_unreachable',
      hint: expect.stringContaining('bot-bottle controller run'),
    })
  })

  test('to a socket that a dead controller left behind is the same error', async () => {
    const dead = createNetServer().listen(socketPath)
    await once(dead, 'listening')
    // Moved away first: Node unlinks the path that it listened on.
    await rename(socketPath, `${socketPath}.kept`)
    dead.close()
    await once(dead, 'close')
    await rename(`${socketPath}.kept`, socketPath)
    await expect(connectController({ home, start: false })).rejects.toMatchObject({
      code: 'controller_unreachable',
      message: expect.stringContaining('no controller is running'),
    })
  })

  test('with a home whose socket path is too long for Linux is refused with a hint', async () => {
    await expect(connectController({ home: join(home, 'x'.repeat(100)), start: true })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/is \d+ bytes long, and Linux allows 107/),
      hint: expect.stringContaining('BOT_BOTTLE_HOME'),
    })
  })
})
