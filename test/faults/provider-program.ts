/**
 * The simulated provider of the fault harness, as a process that is never killed: it remembers what it served, and kills the
 * controller, on the harness's word, at a point of its own work. It speaks with the harness over Node's IPC.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Failure } from '../../src/demo/provider/failure.ts'
import { startSimulatedProvider } from '../../src/demo/provider/simulated-provider.ts'
import type { ServedExchange } from '../fakes/check-books.ts'

export type ProviderOrder =
  | { readonly kind: 'arm'; readonly event: 'request' | 'piece'; readonly count: number; readonly pid: number }
  /** Asks for what was served since this was asked before, once none of it is open; after some seconds, in any case. */
  | { readonly kind: 'take' }

export type ProviderWord =
  | { readonly kind: 'ready'; readonly port: number; readonly caCertificate: string }
  | { readonly kind: 'served'; readonly exchanges: readonly ServedExchange[] }

const failures: readonly Failure[] = [
  { kind: 'http', status: 529 },
  { kind: 'reset', afterTokens: 40 },
  { kind: 'end', afterTokens: 40 },
  { kind: 'error-event', afterTokens: 40 },
]
const requestsPerFailure = 12
const maxOpenMs = 5_000
const lookMs = 5

let armed: (ProviderOrder & { readonly kind: 'arm' }) | undefined
let left = 0
let requests = 0
let taken = 0

function count(event: 'request' | 'piece'): void {
  if (armed?.event !== event || --left > 0) return
  const { pid } = armed
  armed = undefined
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended in another way.
  }
}

const provider = await startSimulatedProvider({
  outputTokens: 700,
  tokensPerDelta: 8,
  deltaIntervalMs: 4,
  fail() {
    count('request')
    const number = ++requests
    return number % requestsPerFailure === 0 ? failures[(number / requestsPerFailure) % failures.length] : undefined
  },
  async wait(ms, signal) {
    count('piece')
    await delay(ms, undefined, { signal })
  },
})

const say = (word: ProviderWord) => process.send?.(word)

process.on('message', async (order: ProviderOrder) => {
  if (order.kind === 'arm') {
    armed = order
    left = order.count
    return
  }
  const isOpen = () => provider.served.slice(taken).some(({ end }) => end === 'open')
  for (let waitedMs = 0; isOpen() && waitedMs < maxOpenMs; waitedMs += lookMs) await delay(lookMs)
  const exchanges = provider.served.slice(taken)
  taken += exchanges.length
  say({
    kind: 'served',
    exchanges: exchanges.map(({ model, path, status, reported, billed, end }) => ({
      ...(model !== undefined && { model }),
      ...{ path, status, reported, billed, end },
    })) as readonly ServedExchange[],
  })
})
process.once('disconnect', () => process.exit(0))
say({ kind: 'ready', port: provider.port, caCertificate: provider.caCertificate })
