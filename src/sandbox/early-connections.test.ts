import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { holdEarlyConnections } from './early-connections.ts'

const opened: net.Server[] = []
afterEach(() => {
  for (const server of opened.splice(0)) server.close()
})

async function listen() {
  const server = net.createServer()
  opened.push(server)
  const held = holdEarlyConnections(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { server, held, port: (server.address() as AddressInfo).port }
}

async function connectAndSend(port: number, text: string) {
  const client = net.connect(port, '127.0.0.1')
  await once(client, 'connect')
  client.write(text)
  return client
}

it('gives a connection that came before the owner to the owner, with its bytes', async () => {
  const { server, port } = await listen()
  const accepted = once(server, 'connection')
  const client = await connectAndSend(port, 'GET /early HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n')
  // `once` above is itself the first handler; the request is answered by the second.
  const [socket] = (await accepted) as [net.Socket]
  const front = http.createServer((request, response) => response.end(request.url))
  front.emit('connection', socket)
  const [chunk] = (await once(client, 'data')) as [Buffer]
  expect(chunk.toString()).toContain('/early')
  client.destroy()
})

it('holds several early connections and hands each over once', async () => {
  const { server, port } = await listen()
  const clients = await Promise.all(['a', 'b', 'c'].map((text) => connectAndSend(port, text)))
  // One exchange on another listener lets the loop accept what waits.
  const other = await listen()
  other.server.on('connection', (socket) => socket.end())
  const probe = await connectAndSend(other.port, '')
  await once(probe.resume(), 'end')

  const texts: string[] = []
  const all = Promise.withResolvers<void>()
  server.on('connection', (socket) => {
    socket.on('data', (chunk: Buffer) => {
      texts.push(chunk.toString())
      if (texts.length === clients.length) all.resolve()
    })
  })
  await all.promise
  expect(texts.toSorted()).toEqual(['a', 'b', 'c'])
  for (const client of clients) client.destroy()
})

it('closes what nobody took when it is released', async () => {
  const { server, held, port } = await listen()
  const client = await connectAndSend(port, 'x')
  client.on('error', () => {}) // a reset is as good as an end
  const closed = new Promise((resolve) => client.resume().on('close', resolve))
  expect(await heldBy(server)).toBe(1)
  held.release()
  await closed
  expect(await new Promise((resolve) => server.getConnections((_, count) => resolve(count)))).toBe(0)
})

/** Resolves with the number of accepted connections as soon as there is one. */
async function heldBy(server: net.Server): Promise<number> {
  for (let turn = 0; turn < 10_000; turn++) {
    const count = await new Promise<number>((resolve) => server.getConnections((_, number) => resolve(number)))
    if (count > 0) return count
    await new Promise((resolve) => setImmediate(resolve))
  }
  return 0
}
