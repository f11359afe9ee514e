import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ControllerEvent } from './api.ts'
import { createEventBus } from './event-bus.ts'
import { createNotifier, type NotifierOptions } from './notifier.ts'

let directory = ''
let failures: string[] = []
let stack = new AsyncDisposableStack()

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-notifier-'))
  failures = []
})
afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
  await rm(directory, { recursive: true })
})

function busWith(command: readonly [string, ...string[]] | null, limits: NotifierOptions['limits'] = {}) {
  const bus = createEventBus()
  const onFailure = (sentence: string) => void failures.push(sentence)
  const notifier = stack.use(createNotifier({ bus, command: () => command, directory, onFailure, limits }))
  return { bus, notifier }
}

const cut = (phase: 'intent' | 'done', bottleId = 'claude-1'): ControllerEvent => ({
  kind: 'enforcement',
  bottleId,
  action: 'cutoff',
  trigger: 'budget',
  phase,
  detail: 'budget spent',
  atMs: 5,
})

const written = () => readFile(join(directory, 'out'), 'utf8').catch(() => '')
const append = ['sh', '-c', 'cat >> out'] as const

test('each warning and each outcome of a cut is one run, with the event as a line of JSON', async () => {
  const { bus } = busWith(append)
  const counter = {
    scope: 'host',
    provider: 'claude',
    period: 'total',
    limitTokens: 10,
    settledTokens: 9,
    reservedTokens: 0,
  }
  const warning = { kind: 'warning', bottleId: 'claude-1', thresholdPercent: 90, counter, atMs: 4 } as ControllerEvent
  bus.emit(warning)
  await expect.poll(written).toBe(`${JSON.stringify(warning)}\n`)
  bus.emit(cut('intent'))
  bus.emit(cut('done'))
  await expect.poll(written).toBe(`${JSON.stringify(warning)}\n${JSON.stringify(cut('done'))}\n`)
  expect(failures).toEqual([])
})

test('no command is run where none is set', async () => {
  const { bus, notifier } = busWith(null)
  bus.emit(cut('done'))
  await notifier[Symbol.asyncDispose]()
  expect(failures).toEqual([])
})

test('a command that fails, and one that does not exist, are told with their cause', async () => {
  busWith(['sh', '-c', 'echo no network >&2; exit 3']).bus.emit(cut('done'))
  await expect.poll(() => failures).toEqual(['the notification command sh ended with 3: no network'])
  busWith(['no-such-program']).bus.emit(cut('done'))
  await expect.poll(() => failures[1]).toMatch(/^the notification command no-such-program cannot be run: .*ENOENT/)
})

test('a command that hangs is ended, and those that wait have their turn', async () => {
  const hanging = 'read line; case $line in *slow*) exec sleep 600;; *) echo "$line" >> out;; esac'
  const { bus } = busWith(['sh', '-c', hanging], { runMs: 200, maxRunning: 1 })
  bus.emit(cut('done', 'slow-1'))
  bus.emit(cut('done', 'quick-1'))
  await expect.poll(written).toContain('quick-1')
  expect(failures).toEqual(['the notification command sh was ended by SIGKILL'])
})

test('more events than can wait are dropped, which is said, and the end waits for no command', async () => {
  const { bus, notifier } = busWith(['sleep', '600'], { maxRunning: 1, maxWaiting: 2 })
  for (let event = 0; event < 4; event += 1) bus.emit(cut('done'))
  expect(failures).toEqual(['a notification was dropped: 2 are waiting for the command already'])
  await notifier[Symbol.asyncDispose]()
})
