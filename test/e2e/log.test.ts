/** The controller's log, of a real bottle: one JSON object a line, and nothing secret in it. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hostPaths } from '../../src/host/paths.ts'
import { modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost, realKey } from '../fakes/product-host.ts'
import { until } from '../fakes/until.ts'

let host: ProductHost
beforeAll(async () => {
  host = await openProductHost({ provider: ['--output-tokens', '3000'], settings: 'log_level: debug\n' })
})
afterAll(() => host[Symbol.asyncDispose]())

const inBottle = (script: string) => [
  ...['run', '--bottle', 'claude', '--workspace', 'none', '--budget', '1000', '--', 'sh', '-c', script],
]
const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('the log of a daemon tells by level what was begun, refused, charged and cut, and never a credential (I2)', async () => {
  await host.run(inBottle(`curl -s https://refused.example/x?token=t0p; ${modelCallInShell()}`))
  await host.run(['controller', 'stop', '--force'])
  const text = await readFile(hostPaths(host.home).logPath, 'utf8')
  const lines = linesOf(text)
  for (const line of lines) {
    expect(line).toMatchObject({
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      level: expect.any(String),
      msg: expect.any(String),
    })
  }
  const bottle = expect.stringMatching(/^run-/)
  expect(lines).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ level: 'info', msg: expect.stringContaining('is ready') }),
      expect.objectContaining({ level: 'info', event: 'bottle', bottle, state: 'running' }),
      expect.objectContaining({ level: 'debug', event: 'denied', bottle, host: 'refused.example', path: '/x' }),
      expect.objectContaining({ level: 'debug', event: 'exchange_settled', bottle, provider: 'claude', ending: 'cut' }),
      expect.objectContaining({ level: 'warn', event: 'enforcement', bottle, action: 'cutoff', phase: 'done' }),
    ]),
  )
  expect(text).not.toContain(realKey)
  expect(text).not.toContain('t0p')
})

test('in the foreground it is JSON where nobody looks and for eyes where that is asked for, from the level on', async () => {
  const json = host.start(['controller', 'run', '--log-level', 'info'])
  await json.said(/is ready/)
  json.signal('SIGTERM')
  expect(linesOf((await json.ended).stdout)).toEqual([expect.objectContaining({ level: 'info' })])

  const human = host.start(['controller', 'run', '--log-format', 'human', '--log-level', 'info'])
  await human.said(/is ready/)
  human.signal('SIGTERM')
  expect((await human.ended).stdout).toMatch(/^\d{4}-\S+Z info {2}bot-bottle controller .* is ready/)

  const quiet = host.start(['controller', 'run', '--log-level', 'error'])
  await until('it answers', async () => (await host.run(['controller', 'status'])).exitCode === 0)
  quiet.signal('SIGTERM')
  expect((await quiet.ended).stdout).toBe('')
})
