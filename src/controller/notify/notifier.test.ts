import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Notify, noNotify } from '../../core/manifest/notify-notation.ts'
import type { ControllerEvent } from '../api.ts'
import { createEventBus } from '../event-bus.ts'
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

function busWith(notify: Partial<Notify>, limits: NotifierOptions['limits'] = {}) {
  const bus = createEventBus()
  const notifier = stack.use(
    createNotifier({
      bus,
      settings: () => ({ notify: { ...noNotify, ...notify }, upstreamCa: null }),
      directory,
      environment: { PATH: directory },
      nowMs: Date.now,
      onFailure: (sentence) => void failures.push(sentence),
      limits: { firstPauseMs: 1, ...limits },
    }),
  )
  return { bus, notifier }
}

const cut = (phase: 'intent' | 'done' | 'failed', bottleId = 'claude-1'): ControllerEvent => ({
  kind: 'enforcement',
  bottleId,
  action: 'cutoff',
  trigger: 'budget',
  phase,
  detail: '1 open exchange ended',
  reason: 'budget spent (this host)',
  atMs: Date.now(),
})

const warning: ControllerEvent = {
  kind: 'warning',
  bottleId: 'claude-1',
  thresholdPercent: 90,
  counter: {
    scope: 'host',
    provider: 'claude',
    period: 'total',
    limitTokens: 1000,
    settledTokens: 900,
    reservedTokens: 0,
  },
  atMs: Date.now(),
}

const linesOf = async (name: string): Promise<readonly string[]> => {
  const text = await readFile(join(directory, name), 'utf8').catch(() => '')
  return text.split('\n').slice(0, -1)
}
const append = ['/bin/sh', '-c', 'PATH=/usr/bin:/bin; cat >> out'] as const

test('each warning and each outcome of a cut is one run of the command, with one line of JSON', async () => {
  const { bus } = busWith({ command: append }, { maxRunning: 1 })
  const done = cut('done')
  for (const event of [warning, cut('intent'), done]) bus.emit(event)
  await expect.poll(() => linesOf('out')).toHaveLength(2)
  const told = (await linesOf('out')).map((line) => JSON.parse(line))
  const id = expect.stringMatching(/^[0-9a-z]+$/)
  expect(told).toEqual([
    {
      id,
      text: 'bot-bottle: claude-1 has used 90 % of the budget (this host): 900 of 1,000 claude tokens',
      ...warning,
    },
    { id, text: 'bot-bottle: claude-1 was cut off: budget spent (this host)', ...done },
  ])
  expect(told[0].id).not.toBe(told[1].id)
  expect(failures).toEqual([])
})

test('an exceeded limit is told', async () => {
  const { bus } = busWith({ command: append, events: ['limit'] })
  bus.emit({ kind: 'limit', bottleId: 'claude-1', limit: 'memory', detail: 'node was ended', atMs: Date.now() })
  await expect.poll(() => linesOf('out')).toHaveLength(1)
  expect((await linesOf('out'))[0]).toContain('"text":"bot-bottle: claude-1 exceeded its memory: node was ended"')
})

test('only the events that the settings name are told', async () => {
  const { bus } = busWith({ command: append, events: ['cutoff'] })
  for (const event of [warning, cut('failed')]) bus.emit(event)
  await expect.poll(() => linesOf('out')).toHaveLength(1)
  expect((await linesOf('out'))[0]).toContain('could not be cut off as it should: 1 open exchange ended')
})

test('nothing is run where nobody is to be told', async () => {
  const { bus, notifier } = busWith({ bell: true })
  bus.emit(cut('done'))
  expect(notifier.status.map(({ waiting, delivered }) => waiting + delivered)).toEqual([0, 0, 0])
})

test('a command that fails is run again, and what fails to the end is given up with its cause', async () => {
  const script = 'echo x >> tries; echo no network >&2; exit 3'
  const { bus, notifier } = busWith({ command: ['/bin/sh', '-c', script] }, { maxAttempts: 3 })
  bus.emit(cut('done'))
  const why = 'the command /bin/sh ended with 3: no network'
  const told = `a notification was given up (bot-bottle: claude-1 was cut off: budget spent (this host)): ${why}`
  await expect.poll(() => failures).toEqual([told])
  expect(await linesOf('tries')).toHaveLength(3)
  expect(notifier.status[0]).toMatchObject({ channel: 'command', givenUp: 1, waiting: 0, lastFailure: why })
})

test('a command that does not exist is not tried again', async () => {
  busWith({ command: ['no-such-program'] }).bus.emit(cut('done'))
  await expect.poll(() => failures).toEqual([expect.stringMatching(/no-such-program cannot be run: .*ENOENT/)])
})

test('a command that hangs is ended with what it started, and those that wait have their turn', async () => {
  const hanging = 'read line; case $line in *slow*) sleep 600;; *) echo "$line" >> out;; esac'
  const command = ['/bin/sh', '-c', `PATH=/usr/bin:/bin; ${hanging}`] as const
  const { bus } = busWith({ command }, { attemptMs: 200, maxRunning: 1, maxAttempts: 1 })
  bus.emit(cut('done', 'slow-1'))
  bus.emit(cut('done', 'quick-1'))
  await expect.poll(async () => (await linesOf('out')).join()).toContain('quick-1')
  expect(failures).toEqual([
    expect.stringContaining('slow-1 was cut off: budget spent (this host)): the command /bin/sh'),
  ])
})

test('the desktop is told in its own markup, and a host without notify-send is told of once per event', async () => {
  const { bus, notifier } = busWith({ desktop: true })
  bus.emit(cut('done'))
  await expect.poll(() => failures).toEqual([expect.stringContaining('notify-send is not installed')])
  const fake = join(directory, 'notify-send')
  await writeFile(fake, '#!/bin/sh\nfor word in "$@"; do echo "$word" >> shown; done\n')
  await chmod(fake, 0o700)
  bus.emit({ ...cut('done'), reason: 'a <b> & c' } as ControllerEvent)
  await expect.poll(() => notifier.status[2]?.delivered).toBe(1)
  expect(await linesOf('shown')).toEqual([
    '--app-name=bot-bottle',
    '--urgency=critical',
    '--',
    'bot-bottle',
    'bot-bottle: claude-1 was cut off: a &lt;b&gt; &amp; c',
  ])
})

test('the end waits for no command', async () => {
  const { bus, notifier } = busWith({ command: ['/bin/sh', '-c', 'echo x >> began; exec /bin/sleep 600'] })
  bus.emit(cut('done'))
  await expect.poll(() => linesOf('began')).toEqual(['x'])
  await notifier[Symbol.asyncDispose]()
  expect(failures).toEqual([expect.stringContaining('the controller ended')])
})
