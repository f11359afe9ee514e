import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { noMetrics } from '../../core/manifest/metrics-notation.ts'
import { examineMetrics } from './examine-metrics.ts'

test('says whether anybody listens where Prometheus is to read', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const settings = { ...noMetrics, prometheus: { host: '127.0.0.1', port } }
  const subject = 'metrics.prometheus'
  expect(await examineMetrics(settings, {})).toEqual([
    { subject, ok: true, found: `127.0.0.1:${port}, somebody listens` },
  ])
  server.close()
  await once(server, 'close')
  expect(await examineMetrics(settings, {})).toMatchObject([
    { ok: true, found: expect.stringContaining('nobody listens') },
  ])
})

test('a header whose value is not there is found, and its value is not shown where it is', async () => {
  const otlp = {
    endpoint: new URL('https://otel.example.com/x'),
    headers: new Map([['x-key', 'env:BOT_BOTTLE_KEY']]),
    intervalSeconds: 60,
  }
  const found = (environment: Readonly<Record<string, string>>) => examineMetrics({ ...noMetrics, otlp }, environment)
  expect(await found({ BOT_BOTTLE_KEY: 's3cret' })).toEqual([
    { subject: 'metrics.otlp', ok: true, found: 'https://otel.example.com' },
  ])
  expect(await found({})).toMatchObject([{ ok: false, found: expect.stringContaining('BOT_BOTTLE_KEY') }])
})

test('without metrics there is nothing to say', async () => {
  expect(await examineMetrics(noMetrics, {})).toEqual([])
})
