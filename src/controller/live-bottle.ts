/**
 * One running bottle: its directory, sandbox, certificate authority and proxy, opened in that order and released in reverse,
 * also after a start that failed half-way.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { scopeChain } from '../core/budget/chain.ts'
import { scopeKey } from '../core/budget/scope.ts'
import { gitConfigFile } from '../core/manifest/git-config.ts'
import { egressPolicy, type WrittenEgress, writtenEgress } from '../core/manifest/written-egress.ts'
import type { TokenEstimator } from '../core/metering/estimator/token-estimator.ts'
import type { Provider } from '../core/provider/provider.ts'
import type { EnforcementTarget } from '../enforce/steps.ts'
import { createLineLog } from '../host/line-log.ts'
import type { BottleRow, BottleState, Ledger } from '../ledger/ledger.ts'
import { openBottleProxy } from '../proxy/bottle-proxy.ts'
import { createCertificateAuthority } from '../proxy/certificate-authority.ts'
import type { Egress, EgressEvents } from '../proxy/egress.ts'
import { proxyLimits } from '../proxy/limits.ts'
import { removeTree } from '../sandbox/layers/remove-entry.ts'
import type { SandboxBackend } from '../sandbox/sandbox.ts'
import type { StartRequest } from './api.ts'
import type { BudgetBook } from './budget-book.ts'
import { type Definitions, environmentOf, promptParts, providersOf } from './definitions.ts'
import { loggedEvents } from './egress-log.ts'

/** What all bottles of a controller share. */
export interface BottleServices
  extends Pick<
    Egress,
    | 'ledger'
    | 'upstream'
    | 'bell'
    | 'gate'
    | 'weights'
    | 'preflight'
    | 'thresholdsPercent'
    | 'nowMs'
    | 'newId'
    | 'onBug'
  > {
  readonly budgets: BudgetBook
  readonly estimator: TokenEstimator
  readonly instancesPath: string
  readonly egressLogsPath: string
}

const maxEgressLogBytes = 8 * 1024 * 1024
const maxWaitingLogCharacters = 1024 * 1024

export interface BottlePlan {
  readonly row: BottleRow
  readonly definitions: Definitions
  readonly request: StartRequest
  readonly backend: SandboxBackend
  readonly credentialOf: Egress['credentialOf']
  readonly events: EgressEvents
}

export interface LiveBottle extends EnforcementTarget {
  readonly row: BottleRow
  readonly providers: readonly Provider[]
  readonly egress: WrittenEgress
  /** Keys of the scopes that it is charged to, its run first. */
  readonly chain: readonly string[]
  readonly launch: Awaited<ReturnType<SandboxBackend['open']>>['launch']
  readonly workspacePath: string
  readonly openExchanges: number
  budgetsOf: Egress['budgetsOf']
  /** Ends the bottle and writes its last state. Idempotent: the first end stands. */
  end(end: {
    readonly state: BottleState
    readonly exitCode: number | null
    readonly keepsWorkspace: boolean
  }): Promise<void>
}

export async function startBottle(plan: BottlePlan, services: BottleServices): Promise<LiveBottle> {
  const { row, definitions, request, backend, credentialOf, events } = plan
  const { ledger, instancesPath, nowMs, budgets } = services
  await using stack = new AsyncDisposableStack()
  const directory = join(instancesPath, row.id)
  await mkdir(directory, { mode: 0o700 })
  stack.defer(() => removeTree(directory))
  const authority = await createCertificateAuthority({ subject: row.id, nowMs, maxLeaves: proxyLimits.maxLeaves })
  const { egress } = definitions.bottle
  const written = writtenEgress(definitions.bottle)
  const { learn: learns = false } = request
  const providers = providersOf(definitions.bottle)
  const prompt = promptParts(definitions)
  const opening = new AbortController()
  const sandbox = stack.use(
    await backend.open(
      {
        id: row.id,
        directory,
        command: request.command,
        env: { ...environmentFor(plan, providers), ...prompt.env },
        workspace: request.workspace,
        readOnlyPaths: request.readOnlyPaths,
        homeFiles: Object.assign(
          gitConfigFile(definitions.bottle.git),
          ...providers.map(({ homeFiles }) => homeFiles),
          prompt.homeFiles,
        ),
        caCertificate: authority.certificate,
      },
      opening.signal,
    ),
  )
  const chain = scopeChain({ ...row, definitions: definitions.bottle.scopes.map(({ name }) => name) }).map(scopeKey)
  const budgetsOf: Egress['budgetsOf'] = ({ name }, atMs) => ({ chain, governing: budgets.holding(chain, name, atMs) })
  const log = stack.use(
    createLineLog({
      path: join(services.egressLogsPath, `${row.id}.egress.jsonl`),
      maxFileBytes: maxEgressLogBytes,
      maxWaitingCharacters: maxWaitingLogCharacters,
      onFailure: services.onBug,
    }),
  )
  const proxy = stack.use(
    openBottleProxy({
      listeners: sandbox.listeners,
      authority,
      egress: {
        ...services,
        estimator: services.estimator.forBottle(),
        bottleId: row.id,
        agent: row.agent,
        ...egressPolicy(written),
        learns,
        credentialOf,
        budgetsOf,
        on: loggedEvents(events, { log, level: egress.log?.value ?? 1, learns, nowMs }),
      },
    }),
  )
  await ledger.updateBottle(row.id, { state: 'running', reference: JSON.stringify(sandbox.reference) })
  sandbox.outlive()

  // Not disposed: each end has its own order.
  stack.move()
  let state: BottleState = 'running'
  let ending: Promise<void> | undefined
  const setState = async (next: BottleState) => {
    state = next
    await ledger.updateBottle(row.id, { state: next })
  }
  const end: LiveBottle['end'] = ({ state: last, exitCode, keepsWorkspace }) => {
    ending ??= endOnce(last, exitCode, keepsWorkspace)
    return ending
  }
  const endOnce = async (last: BottleState, exitCode: number | null, keepsWorkspace: boolean) => {
    state = last
    // At once: what is charged may wait for the ledger, and no process lives for it.
    await Promise.all([proxy[Symbol.asyncDispose](), sandbox.kill()])
    await log.flush()
    const isKept = keepsWorkspace && (request.workspace.kind === 'layer' || request.workspace.kind === 'copy')
    if (!isKept) await removeTree(directory)
    await ledger.updateBottle(row.id, { state: last, exitCode, endedAtMs: nowMs() })
  }

  return {
    id: row.id,
    get row() {
      return { ...row, state }
    },
    providers,
    egress: written,
    chain,
    launch: sandbox.launch,
    workspacePath: sandbox.workspacePath,
    get openExchanges() {
      return proxy.openExchanges
    },
    get isCut() {
      return state === 'cut'
    },
    get isEnded() {
      return ending !== undefined
    },
    budgetsOf,
    refuse: (message) => proxy.refuse(message),
    async close(message) {
      const report = await proxy.cut(message)
      if (!ending) await setState('cut')
      return report
    },
    async reopen() {
      await setState('running')
      proxy.reopen()
    },
    kill: () => end({ state: 'killed', exitCode: null, keepsWorkspace: false }),
    end,
  }
}

/** What the user says wins over the definitions, and these over what a provider's clients want. */
function environmentFor(
  { definitions, request, backend }: BottlePlan,
  providers: readonly Provider[],
): Readonly<Record<string, string>> {
  const own = providers.map(({ env, containedEnv }) => ({ ...env, ...(backend.contained && containedEnv) }))
  return Object.assign({}, request.terminalEnvironment, ...own, environmentOf(definitions.bottle, request.env))
}

export async function failBottle(ledger: Ledger, id: string, nowMs: number): Promise<void> {
  await ledger.updateBottle(id, { state: 'failed', endedAtMs: nowMs })
}
