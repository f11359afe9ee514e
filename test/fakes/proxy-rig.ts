/**
 * A bottle's proxy on plain loopback listeners, with a real ledger and real upstreams: everything of the way of a request but
 * the sandbox. Listeners stand in for the bottle's ports: `tls` for :443, `http` for :80, `proxy` for :3128.
 */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultGate, type Gate } from '../../src/core/budget/gate.ts'
import type { Counter } from '../../src/core/budget/scope.ts'
import { defaultThresholdsPercent } from '../../src/core/budget/thresholds.ts'
import { defaultWeights, type Weights } from '../../src/core/budget/weights.ts'
import type { Preflight } from '../../src/core/manifest/settings.ts'
import { createTokenEstimator, type TokenEstimator } from '../../src/core/metering/estimator/token-estimator.ts'
import type { Provider } from '../../src/core/provider/provider.ts'
import { builtInProviders } from '../../src/core/provider/providers.ts'
import type { EgressPolicy } from '../../src/core/routing/decide.ts'
import type { Route, RouteAuth } from '../../src/core/routing/route.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'
import { type AddressGuard, createAddressGuard } from '../../src/proxy/address-guard.ts'
import { type BottleProxy, openBottleProxy } from '../../src/proxy/bottle-proxy.ts'
import { createCertificateAuthority } from '../../src/proxy/certificate-authority.ts'
import type { Denied, EgressEvents, PassedRequest, Settlement } from '../../src/proxy/egress.ts'
import { createRoomBell } from '../../src/proxy/room-bell.ts'
import { createUpstream } from '../../src/proxy/upstream.ts'
import type { UpstreamProxyOptions } from '../../src/proxy/upstream-proxy.ts'

export interface ProxyRigOptions {
  readonly upstreams: ReadonlyMap<string, URL>
  readonly upstreamCa: string | null
  /** A company's proxy on the way; by default none. */
  readonly upstreamProxy?: UpstreamProxyOptions
  /** Limits of the bottle's run scope, by provider. */
  readonly budgets?: Readonly<Record<string, number>>
  readonly gate?: Gate
  readonly preflight?: Preflight
  readonly weights?: Weights
  readonly providers?: readonly Provider[]
  readonly credentials?: Readonly<Record<string, string>>
  readonly bottleId?: string
  /** What was learned elsewhere; by default nothing. */
  readonly estimator?: TokenEstimator
  /** False for measurements: nothing is kept of what happened. */
  readonly keepsHistory?: boolean
  /** Stands between the proxy and the real ledger, e.g. to fail. */
  readonly wrapLedger?: (ledger: Ledger) => Ledger
  /** By default the clock of this host. */
  readonly nowMs?: () => number
  /** Which addresses may be dialled without an entry in `upstreams`; by default as in the product. */
  readonly isAllowed?: AddressGuard
  /** What a spent budget does; by default it cuts, as the controller does. */
  readonly onSpent?: (proxy: BottleProxy, message: string) => void
  /** The real credential; by default `credentials`, then `real-NAME-key`. */
  readonly credentialOf?: (provider: Provider) => string
  readonly routes?: readonly Route[]
  readonly unlistedEndpoints?: EgressPolicy['unlistedEndpoints']
  /** The real credential of a route; by default what its `secret` says. */
  readonly routeCredentialOf?: (auth: RouteAuth) => string | Promise<string>
}

export interface ProxyRig extends AsyncDisposable {
  readonly ports: { readonly tls: number; readonly http: number; readonly proxy: number }
  readonly caCertificate: string
  readonly proxy: BottleProxy
  readonly ledger: Ledger
  readonly settlements: readonly Settlement[]
  readonly denials: readonly Denied[]
  /** Requests that passed, as a log is told of them. */
  readonly passed: readonly PassedRequest[]
  readonly spent: readonly Parameters<EgressEvents['spent']>[0][]
  readonly bugs: readonly unknown[]
  /** Attempt ids of metered exchanges that got their reservation. */
  readonly started: readonly string[]
  /** Resolves when so many exchanges are settled. */
  settled(count: number): Promise<void>
  /** Connections from the bottle that the proxy has not closed. */
  openConnections(): Promise<number>
  /** The counter of the bottle's run scope. */
  counterOf(provider: string): Promise<Counter>
}

export async function openProxyRig(options: ProxyRigOptions): Promise<ProxyRig> {
  await using stack = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-rig-'))
  stack.defer(() => rm(directory, { recursive: true }))
  const ledger = stack.use(await openSqliteLedger({ path: join(directory, 'ledger.db'), owner: 'rig' }))
  const { bottleId = 'rig-1', providers = builtInProviders, keepsHistory = true } = options
  const run = `run:${bottleId}`
  const limited = Object.entries(options.budgets ?? {})
  for (const [provider, limitTokens] of limited) {
    await ledger.setLimit({ scope: run, provider, period: 'total' }, limitTokens)
  }
  const authority = await createCertificateAuthority({ subject: bottleId, nowMs: Date.now, maxLeaves: 16 })
  const upstream = stack.use(
    createUpstream({
      overrides: options.upstreams,
      extraCa: options.upstreamCa,
      proxy: options.upstreamProxy,
      isAllowed: options.isAllowed ?? createAddressGuard(),
    }),
  )
  const listeners = { proxy: await listen(), http: await listen(), tls: await listen() }
  const seen = {
    settlements: [] as Settlement[],
    denials: [] as Denied[],
    passed: [] as PassedRequest[],
    spent: [] as Parameters<EgressEvents['spent']>[0][],
    bugs: [] as unknown[],
    started: [] as string[],
  }
  const waiting = new Set<() => void>()
  let ids = 0
  const proxy = stack.use(
    openBottleProxy({
      listeners,
      authority,
      egress: {
        onBug: (error) => seen.bugs.push(error),
        bottleId,
        agent: 'rig',
        providers,
        ledger: options.wrapLedger?.(ledger) ?? ledger,
        upstream,
        bell: createRoomBell(),
        gate: options.gate ?? defaultGate,
        preflight: options.preflight ?? 'estimate',
        weights: options.weights ?? defaultWeights,
        estimator: (options.estimator ?? createTokenEstimator()).forBottle(),
        nowMs: options.nowMs ?? Date.now,
        newId: () => `attempt-${++ids}`,
        routes: options.routes ?? [],
        unlistedEndpoints: options.unlistedEndpoints ?? 'refuse',
        credentialOf(owner) {
          if (owner.kind === 'route') return options.routeCredentialOf?.(owner.auth) ?? owner.auth.secret
          const { name } = owner.provider
          return options.credentialOf?.(owner.provider) ?? options.credentials?.[name] ?? `real-${name}-key`
        },
        thresholdsPercent: defaultThresholdsPercent,
        budgetsOf: ({ name }) => ({
          chain: [run, 'agent:rig', 'bottle:claude', 'host'],
          governing: limited
            .filter(([provider]) => provider === name)
            .map(([provider]) => ({ scope: run, provider, period: 'total' })),
        }),
        on: {
          started: ({ attemptId }) => void (keepsHistory && seen.started.push(attemptId)),
          progress: () => {},
          settled(settlement) {
            if (!keepsHistory) return
            seen.settlements.push(settlement)
            for (const look of waiting) look()
          },
          denied: (denial) => seen.denials.push(denial),
          ...(keepsHistory && { passed: (request: PassedRequest) => void seen.passed.push(request) }),
          spent(spent) {
            seen.spent.push(spent)
            if (options.onSpent) options.onSpent(proxy, spent.message)
            else void proxy.cut(spent.message)
          },
        },
      },
    }),
  )
  const resources = stack.move()
  return {
    ...seen,
    ports: { tls: portOf(listeners.tls), http: portOf(listeners.http), proxy: portOf(listeners.proxy) },
    caCertificate: authority.certificate,
    proxy,
    ledger,
    settled(count) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const look = () => {
        if (seen.settlements.length < count) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
      return promise
    },
    async openConnections() {
      const counts = await Promise.all(Object.values(listeners).map(countConnections))
      return counts.reduce((total, count) => total + count, 0)
    },
    counterOf: (provider) => ledger.counter({ scope: run, provider, period: 'total' }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

async function listen(): Promise<Server> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function countConnections(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  })
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
