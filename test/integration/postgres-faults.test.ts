/** Four controllers' ledgers as processes share one budget while one is killed, one is cut off, and the database crashes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'
import { startPostgres } from '../fakes/postgres-server.ts'
import { startTcpRelay } from '../fakes/tcp-relay.ts'
import { until } from '../fakes/until.ts'

const program = fileURLToPath(new URL('./shared-ledger-program.ts', import.meta.url))
const limitTokens = 120_000
const host = { scope: 'host', provider: 'claude', period: 'total' } as const
const patienceMs = 60_000

interface HostProcess {
  readonly child: ChildProcess
  readonly lines: string[]
  readonly ended: Promise<unknown>
}

let owners = 0
function startHost(path: string, url: string): HostProcess {
  const child = spawn(process.execPath, [program, path, url, `owner-${++owners}`, String(limitTokens)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  const ended = Promise.all([
    once(child, 'exit'),
    once(
      createInterface(child.stdout as NodeJS.ReadableStream).on('line', (line) => lines.push(line)),
      'close',
    ),
  ])
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await ended
  })
  return { child, lines, ended }
}

const settledIn = ({ lines }: HostProcess) =>
  lines.filter((line) => line.startsWith('settled')).map((line) => Number(line.split(' ')[2]))
const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0)

async function settledTokensOf(path: string): Promise<number> {
  await using ledger = await openSqliteLedger({ path, owner: 'reader' })
  expect(await ledger.verify()).toEqual([])
  return (await ledger.counter(host)).settledTokens
}

test('four hosts never spend more than their budget together, and in the end all of it, though one is killed, one is cut off and the database crashes (L06, I9)', {
  timeout: 4 * patienceMs,
}, async () => {
  await using server = await startPostgres()
  const url = await server.createDatabase()
  await using relay = await startTcpRelay(server.port)
  const cutOffUrl = Object.assign(new URL(url), { port: String(relay.port) }).href
  const directory = mkdtempSync(join(tmpdir(), 'bot-bottle-four-hosts-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const paths = ['killed', 'cut-off', 'third', 'fourth'].map((name) => join(directory, `${name}.db`)) as [
    string,
    string,
    string,
    string,
  ]
  const killed = startHost(paths[0], url)
  const cutOff = startHost(paths[1], cutOffUrl)
  const [third, fourth] = [startHost(paths[2], url), startHost(paths[3], url)]
  const all = [killed, cutOff, third, fourth]
  await until('all of them are ready', () => all.every(({ lines }) => lines.includes('ready')), patienceMs)
  for (const { child } of all) child.stdin?.write('go\n')
  await until('all of them spend', () => all.every((one) => settledIn(one).length > 20), patienceMs)

  killed.child.kill('SIGKILL')
  await killed.ended
  relay.cut('closed')
  await until('the host that is cut off refuses', () => cutOff.lines.includes('unusable'), patienceMs)
  await server.crash()
  await until(
    'the others refuse, too',
    () => [third, fourth].every(({ lines }) => lines.includes('unusable')),
    patienceMs,
  )
  await server.start()

  // What the dead and the distant host were granted is not spent by the others, though they ask for it.
  await until(
    'the others have spent all that is left for them',
    () => [third, fourth].every(({ lines }) => lines.at(-1) === 'pending'),
    patienceMs,
  )
  const spentTokens = sumOf(all.flatMap(settledIn))
  expect(spentTokens).toBeLessThan(limitTokens)

  relay.mend()
  const back = startHost(paths[0], url)
  back.child.stdin?.write('go\n')
  const living = [cutOff, third, fourth, back]
  await Promise.all(living.map(({ ended }) => ended))
  expect(living.map(({ lines }) => lines.at(-1))).toEqual(Array(4).fill('exhausted'))

  const kept = await Promise.all(paths.map(settledTokensOf))
  expect(sumOf(kept)).toBe(limitTokens)
  const acknowledged = [killed, cutOff, third, fourth, back].flatMap(settledIn)
  const recovered = back.lines.filter((line) => line.startsWith('recovered')).map((line) => Number(line.split(' ')[1]))
  // Charges that were written when the kill came may not have been told to anybody.
  expect(sumOf(acknowledged) + sumOf(recovered)).toBeLessThanOrEqual(limitTokens)
  const unheardTokens = limitTokens - sumOf(acknowledged) - sumOf(recovered)
  expect(unheardTokens).toBeLessThanOrEqual(4 * 40)
  const shared = await server.psql(
    url,
    `SELECT sum(settled_tokens), sum(greatest(granted_tokens - settled_tokens, 0)) FROM bot_bottle.share
       WHERE scope = 'host' AND period = 'total'`,
  )
  expect(shared).toBe(`${limitTokens}|0`)
})
