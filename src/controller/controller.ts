/**
 * The composition root: ledger, budgets, upstream, enforcement and the living bottles. Everything else knows interfaces.
 */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { plainBudget } from '../core/budget/defined-budget.ts'
import type { Scope } from '../core/budget/scope.ts'
import {
  cutReason,
  operatorCutMessage,
  operatorFreezeMessage,
  operatorKillMessage,
  timeoutMessage,
} from '../core/budget/wording.ts'
import { BottleError, messageOf } from '../core/errors.ts'
import { isMeasured } from '../core/manifest/metrics-notation.ts'
import type { TokenEstimator } from '../core/metering/estimator/token-estimator.ts'
import { builtInProviders } from '../core/provider/providers.ts'
import { createEnforcer, type Enforcer } from '../enforce/enforcer.ts'
import { createIdSource } from '../host/ids.ts'
import type { Log } from '../host/log.ts'
import type { HostPaths } from '../host/paths.ts'
import { pruneFiles } from '../host/prune-files.ts'
import type { KnownSecrets } from '../host/secrets/known-secrets.ts'
import { createLogins } from '../host/secrets/logins.ts'
import { readSettings, type Settings } from '../host/settings.ts'
import { startKeeping } from '../ledger/keeping.ts'
import type { CutPolicy, EnforcementTrigger, Ledger } from '../ledger/ledger.ts'
import { createAddressGuard } from '../proxy/address-guard.ts'
import { postJson } from '../proxy/post-json.ts'
import { createRoomBell } from '../proxy/room-bell.ts'
import { createUpstream } from '../proxy/upstream.ts'
import type { EndedProcesses, WatchedBottle } from '../sandbox/bottle-processes.ts'
import type { EndedWriters, WatchedDisk } from '../sandbox/disk/look.ts'
import { createLimitWatch } from '../sandbox/limit-watch.ts'
import type { SandboxBackend, SandboxName } from '../sandbox/sandbox.ts'
import { type ActivityBook, openActivityBook } from './activity-book.ts'
import { prepareAdoption } from './adopt-bottle.ts'
import type {
  BottleView,
  BudgetExplanation,
  ChannelStatus,
  DenialList,
  EgressView,
  EnforcementResult,
  LearnedRoutes,
  ProcessList,
  RestartRequest,
  RestoreRequest,
  StartRequest,
} from './api.ts'
import { createBottleEvents } from './bottle-events.ts'
import { type BottleStarts, createBottleStarts } from './bottle-starts.ts'
import { createBudgetBook } from './budget-book.ts'
import { type BudgetDesk, createBudgetDesk } from './budget-desk.ts'
import { createBudgetWatch, heldKeys } from './budget-watch.ts'
import { createDeadlines } from './deadlines.ts'
import { type DenialFilter, readDenials } from './denials.ts'
import { openEstimatorBook } from './estimator-book.ts'
import { createEventBus, type EventBus } from './event-bus.ts'
import { createHoldWatch } from './hold-watch.ts'
import { removeDirectory } from './instance-directory.ts'
import { createKeptHashes } from './kept-hashes.ts'
import { readLearned } from './learned.ts'
import { diskInWords, memoryInWords } from './limit-words.ts'
import type { LiveBottle } from './live-bottle.ts'
import { logEvents } from './log-events.ts'
import { noSuchBottle } from './no-such-bottle.ts'
import { createNotifier } from './notify/notifier.ts'
import { openLedger } from './open-ledger.ts'
import { type Recovered, recover, refuseUnbalanced, unbalancedInWords } from './recovery.ts'
import { refuseWithoutRoom } from './restore-room.ts'
import { createSnapshots, type Snapshots } from './snapshots.ts'
import { refuseForeignBudgets } from './start-plan.ts'
import { upstreamProxyOf } from './upstream-proxy.ts'
import { viewOf } from './views.ts'

export interface ControllerOptions {
  readonly paths: HostPaths
  readonly backends: Readonly<Record<SandboxName, SandboxBackend>>
  readonly nowMs: () => number
  readonly log: Log
  /** Told every credential that is read, which the log is clean of. */
  readonly secrets: KnownSecrets
  /** Something that must not happen, on a path that nobody waits for. */
  onBug(error: unknown): void
}

export interface Controller extends BottleStarts, AsyncDisposable {
  readonly ledger: Ledger
  readonly bus: EventBus
  readonly activity: ActivityBook
  readonly estimator: TokenEstimator
  readonly recovered: Recovered
  readonly livingIds: readonly string[]
  /** Of those, what ends with this controller. */
  readonly uncontainedIds: readonly string[]
  readonly notifications: readonly ChannelStatus[]
  /**
   * Somebody holds the bottle now: its one session is open. Throws BottleError `conflict` for any other. To be called when they are
   * gone: a bottle that was frozen since and goes on under its id is not theirs any more.
   */
  hold(id: string): () => Promise<void>
  /** The environment of the user that the plan wants, again: another controller had it before. */
  renewEnvironment(id: string, environment: StartRequest['hostEnvironment']): Promise<void>
  /** The program ended, or (`exitCode: null`) whoever held the bottle is gone. */
  exited(id: string, exitCode: number | null): Promise<void>
  /** The program failed and is to be started again. Throws BottleError `conflict` when it must not be. */
  restarting(id: string, request: RestartRequest): Promise<void>
  cutoff(id: string): Promise<EnforcementResult>
  restore(id: string, request: RestoreRequest): Promise<EnforcementResult>
  freeze(id: string): Promise<EnforcementResult>
  kill(id: string): Promise<EnforcementResult>
  readonly budgets: BudgetDesk
  readonly snapshots: Snapshots
  explainBudgets(id: string): Promise<BudgetExplanation>
  egress(id: string): Promise<EgressView>
  learned(id: string): Promise<LearnedRoutes>
  processes(id: string): Promise<ProcessList>
  denials(filter: DenialFilter): Promise<DenialList>
  view(id: string): Promise<BottleView>
  views(filter: { readonly all: boolean }): Promise<readonly BottleView[]>
  /** Lets go of all bottles that another controller can take up; disposing ends the others. */
  leave(): Promise<void>
}

const hostScope: Scope = { kind: 'host', name: '' }
const maxListedBottles = 1000
/** Of enforcements that are under way when the controller is told to end; the next one finishes what takes longer. */
const settleTimeoutMs = 8_000
/** Of bottles that ended as well; the oldest go at the start of a controller. */
const maxEgressLogs = 500

export async function openController(options: ControllerOptions): Promise<Controller> {
  const { paths, backends, nowMs, onBug, log, secrets } = options
  await using stack = new AsyncDisposableStack()
  const onNotice = (sentence: string) => log.warn(sentence)
  const newId = createIdSource(nowMs)
  const readOwnSettings = () => readSettings({ home: paths.home, providers: builtInProviders.map(({ name }) => name) })
  let settings: Settings = await readOwnSettings()
  /** Nothing, until there are bottles that it could concern. */
  let followOthers = async (_what: 'counters' | 'budgets') => {}
  const openedLedger = stack.use(
    await openLedger({
      shared: settings.ledger,
      path: paths.databasePath,
      owner: newId(),
      environment: process.env,
      onOthers: (what) => void followOthers(what).catch(onBug),
      onNotice,
    }),
  )
  const bus = createEventBus()
  stack.use(logEvents(bus, log))
  const living = new Map<string, LiveBottle>()
  // Loaded where it is asked for only.
  const meter = isMeasured(settings.metrics)
    ? (await import('./metrics/meter.ts')).createMeter({
        bus,
        agentOf: (id) => living.get(id)?.row.agent,
        nowMs,
        onBug,
      })
    : undefined
  const ledger = meter?.timed(openedLedger) ?? openedLedger
  const notifier = stack.use(
    createNotifier({
      bus,
      settings: () => settings,
      directory: paths.home,
      environment: process.env,
      nowMs,
      onFailure: onNotice,
    }),
  )
  const book = createBudgetBook({ ledger, thresholdsPercent: settings.thresholdsPercent })
  const bell = createRoomBell()
  const { estimator } = stack.use(await openEstimatorBook({ ledger, onBug }))
  const enforcer: Enforcer = createEnforcer({
    ledger,
    nowMs,
    newId,
    onEntry: ({ enforcementId: _, ...entry }) => bus.emit({ kind: 'enforcement', ...entry }),
  })
  await refuseUnbalanced(ledger, paths.databasePath)
  stack.use(
    startKeeping({
      ledger,
      retentionDays: () => settings.retentionDays,
      nowMs,
      onRolledUp: (events) =>
        log.info(`rolled up ${events} exchanges that are older than ${settings.retentionDays} days`),
      onUnbalanced: (mismatches) => onNotice(unbalancedInWords(mismatches)),
      onFailure: (error) => onNotice(`the ledger was not looked after: ${messageOf(error)}`),
    }),
  )
  await pruneFiles(paths.egressLogsPath, maxEgressLogs)
  await book.define(hostScope, settings.budgets)
  const upstream = stack.use(
    createUpstream({
      overrides: settings.upstreams,
      extraCa: settings.upstreamCa,
      proxy: upstreamProxyOf(settings, process.env, secrets),
      isAllowed: createAddressGuard(),
    }),
  )
  const exceeded = (limit: 'memory' | 'disk', bottleId: string, detail: string) => {
    const note = { enforcementId: newId(), bottleId, detail: `${limit}: ${detail}`, nowMs: nowMs() }
    ledger.recordLimit(note).catch(onBug)
    bus.emit({ kind: 'limit', bottleId, limit, detail, atMs: nowMs() })
  }
  const memoryWatch = stack.use(
    createLimitWatch<WatchedBottle, EndedProcesses>({
      limit: 'memory',
      onEnded: (ended) => exceeded('memory', ended.bottleId, memoryInWords(ended)),
      onBug,
    }),
  )
  const diskWatch = stack.use(
    createLimitWatch<WatchedDisk, EndedWriters>({
      limit: 'disk',
      onEnded: (ended) => exceeded('disk', ended.bottleId, diskInWords(ended)),
      onBug,
    }),
  )
  const keptHashes = stack.use(createKeptHashes({ onBug }))
  const { instancesPath, egressLogsPath } = paths
  const services = {
    ledger,
    upstream,
    bell,
    estimator,
    nowMs,
    newId,
    budgets: book,
    thresholdsPercent: settings.thresholdsPercent,
    instancesPath,
    egressLogsPath,
    memoryWatch,
    keptHashes,
    diskWatch,
    logins: createLogins({ post: postJson(upstream), secrets, nowMs }),
    secrets,
    onBug,
  }

  const view = async (id: string): Promise<BottleView> => {
    const row = await ledger.bottle(id)
    if (row) return viewOf(row, { ledger, live: living.get(id), nowMs: nowMs() })
    throw await noSuchBottle(id, ledger)
  }
  const announce = (id: string) => {
    view(id).then((bottle) => bus.emit({ kind: 'bottle', bottle, atMs: nowMs() }), onBug)
  }
  /** What concerns budgets holds from now on; the rest was taken when the controller started. */
  const readSettingsAgain = async () => {
    settings = await readOwnSettings()
    await book.define(hostScope, settings.budgets)
  }
  const performCut = async (
    bottle: LiveBottle,
    cut: { readonly policy: CutPolicy; readonly trigger: EnforcementTrigger; readonly message: string },
  ) => {
    try {
      const changed = await enforcer.cut(bottle, { ...cut, reason: cutReason(cut.message) })
      if (changed) announce(bottle.id)
      return changed
    } finally {
      if (bottle.isEnded) living.delete(bottle.id)
    }
  }
  const cutForBudget = (bottle: LiveBottle, message: string) => {
    performCut(bottle, { policy: bottle.row.policy, trigger: 'budget', message }).catch(onBug)
  }
  const watch = createBudgetWatch({ ledger, living, nowMs, cut: cutForBudget })
  const eventsFor = (id: string) =>
    createBottleEvents({
      bottleId: id,
      bus,
      budgets: book,
      watch,
      nowMs,
      onBug,
      holding() {
        const bottle = living.get(id)
        return bottle ? heldKeys(bottle, nowMs()) : []
      },
      cut(message) {
        const bottle = living.get(id)
        if (bottle) cutForBudget(bottle, message)
      },
    })
  const limitsChanged = () => {
    bell.ring()
    bus.emit({ kind: 'limits_changed', atMs: nowMs() })
    return watch.limitsChanged()
  }

  followOthers = async (what) => {
    if (what === 'budgets') await book.readAgain()
    await limitsChanged()
  }

  const desk = createBudgetDesk({ book, ledger, living, home: paths.home, nowMs, limitsChanged })
  if (meter) {
    stack.use(
      meter.startExport({
        settings: settings.metrics,
        extraCa: settings.upstreamCa,
        environment: process.env,
        budgets: desk.counters,
        livingBottles: () => living.size,
        notifications: () => notifier.status,
        onNotice,
      }),
    )
  }
  const exited: Controller['exited'] = async (id, exitCode) => {
    const bottle = living.get(id)
    if (!bottle) return
    holds.forget(id)
    try {
      await bottle.end({ state: 'exited', exitCode, keepsWorkspace: true })
    } finally {
      living.delete(id)
    }
    announce(id)
  }

  const holds = stack.use(createHoldWatch({ onMissing: (id) => void exited(id, null).catch(onBug) }))
  const timeOut = (id: string) => {
    const bottle = living.get(id)
    if (bottle) performCut(bottle, { policy: 'kill', trigger: 'timeout', message: timeoutMessage }).catch(onBug)
  }
  const deadlines = stack.use(createDeadlines({ nowMs, onDue: timeOut }))
  const takeIn = (bottle: LiveBottle) => {
    living.set(bottle.id, bottle)
    if (bottle.plan.heldBy === 'client') holds.expect(bottle.id)
    deadlines.set(bottle.id, bottle.plan.deadlineAtMs)
  }
  const charges = await ledger.recover(nowMs())
  const activity = stack.use(await openActivityBook({ bus, ledger, nowMs }))
  const recovered = await recover({
    charges,
    ledger,
    enforcer,
    nowMs,
    instancesPath,
    keptHashes,
    backendOf: ({ kind }) => backends[kind],
    takeIn,
    onFailure: onBug,
    prepareAdoption: (row, reference) =>
      prepareAdoption(
        { row, reference, backend: backends[reference.kind], environment: process.env, events: eventsFor(row.id) },
        services,
      ),
  })
  for (const { id } of recovered.adopted) announce(id)
  // What was charged for exchanges that nobody saw end may have spent a budget.
  await limitsChanged()
  const shared = stack.move()

  const starts = createBottleStarts({
    services,
    enforcer,
    home: paths.home,
    backends,
    async readSettings() {
      await readSettingsAgain()
      return settings
    },
    limitsChanged,
    eventsFor,
    takeIn,
    announce,
    view,
  })

  return {
    ledger,
    bus,
    activity,
    estimator,
    recovered,
    get livingIds() {
      return [...living.keys()]
    },

    get uncontainedIds() {
      return [...living.values()].filter(({ row }) => !row.contained).map(({ id }) => id)
    },

    get notifications() {
      return notifier.status
    },

    ...starts,
    hold(id) {
      holds.hold(id)
      const held = living.get(id)
      return async () => {
        if (living.get(id) === held) await exited(id, null)
      }
    },

    async renewEnvironment(id, environment) {
      const bottle = await livingBottle(id)
      bottle.renewEnvironment(environment)
    },

    exited,

    async restarting(id, { exitCode, restarts }) {
      const refuseCut = async () => {
        const { isCut } = await livingBottle(id)
        if (isCut) throw new BottleError('conflict', `bottle "${id}" is cut off: its program is not started again`)
      }
      await refuseCut()
      const reason = `its program failed with exit code ${exitCode}; restart ${restarts}`
      const asked = { action: 'restart', trigger: 'program', reason, outcome: 'it may be started again' } as const
      await enforcer.inTurn({ bottleId: id, ...asked }, refuseCut)
    },

    async cutoff(id) {
      const bottle = await livingBottle(id)
      const changed = await performCut(bottle, { policy: 'cutoff', trigger: 'operator', message: operatorCutMessage })
      return { bottle: await view(id), changed }
    },

    async freeze(id) {
      const bottle = living.get(id)
      if (!bottle && (await view(id)).state === 'frozen') return { bottle: await view(id), changed: false }
      const cut = { policy: 'freeze', trigger: 'operator', message: operatorFreezeMessage } as const
      const changed = await performCut(bottle ?? (await livingBottle(id)), cut)
      return { bottle: await view(id), changed }
    },

    async kill(id) {
      const bottle = living.get(id)
      if (bottle) {
        const changed = await performCut(bottle, { policy: 'kill', trigger: 'operator', message: operatorKillMessage })
        return { bottle: await view(id), changed }
      }
      const { state } = await view(id)
      if (state !== 'frozen' && state !== 'starting') {
        return { bottle: await view(id), changed: await removeKept(join(paths.instancesPath, id)) }
      }
      const asked = {
        action: 'kill',
        trigger: 'operator',
        reason: 'asked for by the operator',
        outcome: 'nothing of it is kept',
      } as const
      await enforcer.inTurn({ bottleId: id, ...asked }, () => killKept(id))
      announce(id)
      return { bottle: await view(id), changed: true }
    },

    async restore(id, { budgets: limits }) {
      const bottle = await livingBottle(id)
      refuseForeignBudgets(limits, bottle.providers)
      await readSettingsAgain()
      await book.override({ kind: 'run', name: id }, limits.map(plainBudget))
      await limitsChanged()
      refuseWithoutRoom('restore', await view(id))
      const changed = await enforcer.restore(bottle, 'asked for by the operator')
      if (changed) announce(id)
      return { bottle: await view(id), changed }
    },

    budgets: desk,
    snapshots: createSnapshots({ ledger, instancesPath, nowMs }),
    explainBudgets: async (id) => desk.explain(await livingBottle(id)),
    egress: async (id) => (await livingBottle(id)).egress,
    processes: async (id) => living.get((await view(id)).id)?.processes() ?? [],
    learned: async (id) => readLearned(egressLogsPath, (await view(id)).id),
    denials: (filter) => readDenials(egressLogsPath, filter),
    view,
    async views({ all }) {
      const rows = await ledger.bottles({ living: !all, frozen: !all, limit: maxListedBottles })
      return Promise.all(rows.map((row) => viewOf(row, { ledger, live: living.get(row.id), nowMs: nowMs() })))
    },

    async leave() {
      await enforcer.settle(settleTimeoutMs)
      const contained = [...living.values()].filter(({ row }) => row.contained)
      for (const { id } of contained) living.delete(id)
      await Promise.all(contained.map((bottle) => bottle.leave()))
    },

    async [Symbol.asyncDispose]() {
      await enforcer.settle(settleTimeoutMs)
      const ids = [...living.keys()]
      const ends = [...living.values()].map((bottle) =>
        bottle.end({ state: 'exited', exitCode: null, keepsWorkspace: true }),
      )
      await Promise.all(ends)
      living.clear()
      // Whoever holds one is told that it has ended: there is nothing to take up.
      for (const id of ids) bus.emit({ kind: 'bottle', bottle: await view(id), atMs: nowMs() })
      await shared.disposeAsync()
    },
  }

  /** In its turn: a resume that came first is over, and may have made a living bottle of it. */
  async function killKept(id: string): Promise<void> {
    const { state } = await view(id)
    if (living.has(id)) {
      await living.get(id)?.kill()
      living.delete(id)
    } else if (state === 'frozen') {
      await removeKept(join(paths.instancesPath, id))
      await ledger.updateBottle(id, { state: 'killed', endedAtMs: nowMs() })
    } else if (state === 'starting') {
      throw new BottleError('conflict', `bottle "${id}" is being started`, { hint: 'Ask again in a moment.' })
    }
  }

  async function livingBottle(id: string): Promise<LiveBottle> {
    const bottle = living.get(id)
    if (bottle) return bottle
    const { state } = await view(id)
    throw new BottleError('conflict', `bottle "${id}" is not running: it is ${state}`, {
      hint: 'List the running ones with: bot-bottle ps',
    })
  }
}

async function removeKept(directory: string): Promise<boolean> {
  const isThere = await stat(directory).then(
    () => true,
    () => false,
  )
  if (isThere) await removeDirectory(directory)
  return isThere
}
