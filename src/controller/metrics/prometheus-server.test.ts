import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openPrometheusServer, type PrometheusServer } from './prometheus-server.ts'

let server: PrometheusServer
let notices: string[]
let onNotice: () => void
const open = (port: number) =>
  openPrometheusServer({
    ...{ host: '127.0.0.1', port, text: async () => 'up 1\n', limits: { listenAgainMs: 1 } },
    onNotice(sentence) {
      notices.push(sentence)
      onNotice()
    },
  })

beforeEach(() => {
  ;[notices, onNotice] = [[], () => {}]
})
afterEach(() => server[Symbol.asyncDispose]())

async function ask(path: string, { method = 'GET', host = '127.0.0.1:9464' } = {}) {
  const port = await server.listening
  const sent = request({ host: '127.0.0.1', port, path, method, headers: { host }, agent: false }).end()
  const [response] = await once(sent, 'response')
  return { status: response.statusCode, type: response.headers['content-type'], body: await text(response) }
}

test.each(['127.0.0.1:9464', 'localhost:9464', 'LOCALHOST', '[::1]:80', '127.8.9.10'])('tells %s', async (host) => {
  server = open(0)
  expect(await ask('/metrics?x=1', { host })).toEqual({
    ...{ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: 'up 1\n' },
  })
})

test.each([
  ['a page by a name of its own (DNS rebinding)', '/metrics', { host: 'evil.example:9464' }, 403],
  ['a name that begins like ours', '/metrics', { host: '127.0.0.1.evil.example' }, 403],
  ['an address of the network', '/metrics', { host: '192.168.1.7:9464' }, 403],
  ['another method', '/metrics', { method: 'POST' }, 405],
  ['another path', '/', {}, 404],
])('refuses %s', async (_, path, how, status) => {
  server = open(0)
  const answer = await ask(path, how)
  expect(answer.status).toBe(status)
  expect(answer.body).not.toContain('up 1')
})

test('a port that another has is told once, and taken as soon as it is free', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const told = Promise.withResolvers<void>()
  onNotice = told.resolve
  server = open(port)
  await told.promise
  other.close()
  expect((await ask('/metrics')).status).toBe(200)
  expect(notices).toEqual([expect.stringContaining(`metrics cannot be had at 127.0.0.1:${port} yet: `)])
})
