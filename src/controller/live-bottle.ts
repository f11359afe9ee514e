/**
 * One bottle whose ways out this controller holds, be it that it started the bottle or took it up. What differs between the two is
 * in `start-bottle.ts` and `adopt-bottle.ts`.
 */
import { join } from 'node:path'
import { BottleError } from '../core/errors.ts'
import { egressPolicy, type WrittenEgress } from '../core/manifest/written-egress.ts'
import type { TokenEstimator } from '../core/metering/estimator/token-estimator.ts'
import type { Provider } from '../core/provider/provider.ts'
import type { EnforcementTarget } from '../enforce/steps.ts'
import { createLineLog } from '../host/line-log.ts'
import type { KnownSecrets } from '../host/secrets/known-secrets.ts'
import type { Logins } from '../host/secrets/logins.ts'
import type { BottleRow, BottleState } from '../ledger/ledger.ts'
import { openBottleProxy } from '../proxy/bottle-proxy.ts'
import type { CertificateAuthority } from '../proxy/certificate-authority.ts'
import type { Egress, EgressEvents } from '../proxy/egress.ts'
import type { WatchedBottle } from '../sandbox/bottle-processes.ts'
import type { WatchedDisk } from '../sandbox/disk/look.ts'
import type { LimitWatch } from '../sandbox/limit-watch.ts'
import { type BottleProcess, listProcesses } from '../sandbox/list-processes.ts'
import type { HeldSandbox, SandboxBackend } from '../sandbox/sandbox.ts'
import type { BottlePlan } from './bottle-plan.ts'
import type { BudgetBook } from './budget-book.ts'
import type { BottleCredentials } from './credentials.ts'
import { loggedEvents } from './egress-log.ts'
import { freezing } from './freezing.ts'
import { type InstanceDirectory, removeDirectory } from './instance-directory.ts'
import type { KeptHashes } from './kept-hashes.ts'

/** What all bottles of a controller share. */
export interface BottleServices
  extends Pick<Egress, 'ledger' | 'upstream' | 'bell' | 'thresholdsPercent' | 'nowMs' | 'newId' | 'onBug'> {
  readonly memoryWatch: Pick<LimitWatch<WatchedBottle>, 'watch'>
  readonly diskWatch: Pick<LimitWatch<WatchedDisk>, 'watch'>
  readonly budgets: BudgetBook
  readonly logins: Logins
  readonly secrets: KnownSecrets
  readonly estimator: TokenEstimator
  readonly keptHashes: Pick<KeptHashes, 'begin' | 'over'>
  readonly instancesPath: string
  readonly egressLogsPath: string
}

/** As that of timeout(1). */
export const timeoutExitCode = 124

const maxEgressLogBytes = 8 * 1024 * 1024
const maxWaitingLogCharacters = 1024 * 1024

export interface BottleParts {
  readonly row: BottleRow
  readonly plan: BottlePlan
  readonly directory: InstanceDirectory
  readonly sandbox: HeldSandbox
  readonly backend: Pick<SandboxBackend, 'pause' | 'continue'>
  readonly authority: CertificateAuthority
  readonly credentials: BottleCredentials
  readonly events: EgressEvents
  /** What clients are told while it is cut; undefined for a bottle that is open. */
  readonly cutMessage: string | undefined
}

export interface LiveBottle extends EnforcementTarget {
  readonly row: BottleRow
  readonly plan: BottlePlan
  readonly providers: readonly Provider[]
  readonly egress: WrittenEgress
  /** Keys of the scopes that it is charged to, its run first. */
  readonly chain: readonly string[]
  readonly openExchanges: number
  processes(): readonly BottleProcess[]
  budgetsOf: Egress['budgetsOf']
  renewEnvironment: BottleCredentials['renew']
  /** Ends the bottle and writes its last state. Idempotent: the first end stands. */
  end(end: {
    readonly state: BottleState
    readonly exitCode: number | null
    readonly keepsWorkspace: boolean
  }): Promise<void>
  /** Lets go of it: it lives on without a way out, until the next controller takes it up. */
  leave(): Promise<void>
}

export function openLiveBottle(parts: BottleParts, services: BottleServices): LiveBottle {
  const { row, plan, directory, sandbox, backend, authority, credentials, events, cutMessage } = parts
  const { ledger, nowMs, budgets } = services
  const { chain, egress, learns, log: level, gate, weights, preflight } = plan
  const budgetsOf: Egress['budgetsOf'] = ({ name }, atMs) => ({ chain, governing: budgets.holding(chain, name, atMs) })
  const log = createLineLog({
    path: join(services.egressLogsPath, `${row.id}.egress.jsonl`),
    maxFileBytes: maxEgressLogBytes,
    maxWaitingCharacters: maxWaitingLogCharacters,
    onFailure: services.onBug,
  })
  const policy = egressPolicy(egress)
  const proxy = openBottleProxy({
    listeners: sandbox.listeners,
    authority,
    egress: {
      ...services,
      estimator: services.estimator.forBottle(),
      bottleId: row.id,
      agent: row.agent,
      ...policy,
      ...{ gate, weights, preflight, learns },
      credentialOf: credentials.credentialOf,
      budgetsOf,
      on: loggedEvents(events, { log, level, learns, nowMs }),
    },
  })
  const { reference } = sandbox
  const watches = watchLimits(parts, services)
  // In the same turn: no connection was seen so far.
  if (cutMessage !== undefined) proxy.refuse(cutMessage)

  let state: BottleState = cutMessage === undefined ? 'running' : 'cut'
  let ending: Promise<void> | undefined
  const setState = async (next: BottleState) => {
    state = next
    await ledger.updateBottle(row.id, { state: next })
  }
  const endProcesses = async () => {
    watches.dispose()
    // At once: what is charged may wait for the ledger, and no process lives for it.
    await Promise.all([proxy[Symbol.asyncDispose](), sandbox.kill()])
    await log.flush()
  }
  const freeze = freezing({
    row,
    directory: directory.path,
    nowMs,
    pause: () => backend.pause(reference),
    endProcesses,
    async writeState() {
      await directory.removeKeys()
      await setState('frozen')
    },
    onSealed: () => services.keptHashes.begin(directory.path),
  })
  const end: LiveBottle['end'] = ({ state: last, exitCode, keepsWorkspace }) => {
    ending ??= endOnce(last, exitCode, keepsWorkspace)
    return ending
  }
  const endOnce = async (last: BottleState, exitCode: number | null, keepsWorkspace: boolean) => {
    state = last
    await endProcesses()
    if (keepsWorkspace) await directory.keepForUser(plan)
    else await removeDirectory(directory.path)
    await ledger.updateBottle(row.id, { state: last, exitCode, endedAtMs: nowMs() })
  }

  return {
    id: row.id,
    get row() {
      return { ...row, state }
    },
    plan,
    providers: policy.providers,
    egress,
    chain,
    get openExchanges() {
      return proxy.openExchanges
    },
    get isCut() {
      return state === 'cut'
    },
    get isEnded() {
      return ending !== undefined
    },
    processes: () => listProcesses(reference),
    budgetsOf,
    renewEnvironment: credentials.renew,
    refuse: (message) => proxy.refuse(message),
    async close(message) {
      const report = await proxy.cut(message)
      if (!ending) await setState('cut')
      return report
    },
    async reopen() {
      await setState('running')
      // A freeze that failed has left them stopped.
      backend.continue(reference)
      proxy.reopen()
    },
    pause: freeze.pause,
    snapshot: freeze.snapshot,
    async seal() {
      if (ending) {
        const hint = 'What it wrote is kept; start another one for what is left to do.'
        throw new BottleError('conflict', `${row.id} ended by itself before it could be frozen`, { hint })
      }
      ending = freeze.seal()
      await ending
    },
    async kill() {
      await end({ state: 'killed', exitCode: null, keepsWorkspace: false })
      if (state === 'killed') return
      // Its program ended by itself when its streams were closed.
      await removeDirectory(directory.path)
      await setState('killed')
    },
    async timeOut() {
      await end({ state: 'exited', exitCode: timeoutExitCode, keepsWorkspace: true })
      // Its program may have ended by itself when its streams were closed.
      await ledger.updateBottle(row.id, { exitCode: timeoutExitCode })
    },
    end,
    async leave() {
      sandbox.leave()
      await proxy.leave()
      await log.flush()
    },
  }
}

/** Those limits that the kernel does not hold. */
function watchLimits(
  { row: { id }, plan, directory, sandbox: { reference } }: BottleParts,
  { memoryWatch, diskWatch }: BottleServices,
): DisposableStack {
  const watches = new DisposableStack()
  const { memoryBytes, diskBytes } = plan.limits
  if (reference.kind !== 'bubblewrap') return watches
  if (memoryBytes !== null) watches.use(memoryWatch.watch({ ...reference, id, limitBytes: memoryBytes }))
  if (diskBytes !== null)
    watches.use(diskWatch.watch({ ...reference, id, limitBytes: diskBytes, directory: directory.path }))
  return watches
}
