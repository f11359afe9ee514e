/**
 * The composition root: ledger, budgets, upstream, enforcement and the living bottles. Everything else knows interfaces.
 */
import type { Scope } from '../core/budget/scope.ts'
import { timeoutMessage } from '../core/budget/wording.ts'
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
import type { Ledger } from '../ledger/ledger.ts'
import { createAddressGuard } from '../proxy/address-guard.ts'
import { postJson } from '../proxy/post-json.ts'
import { createRoomBell } from '../proxy/room-bell.ts'
import { createUpstream } from '../proxy/upstream.ts'
import type { SandboxBackend, SandboxName } from '../sandbox/sandbox.ts'
import { type ActivityBook, openActivityBook } from './activity-book.ts'
import { prepareAdoption } from './adopt-bottle.ts'
import type {
  BottleView,
  BudgetExplanation,
  ChannelStatus,
  DenialList,
  EgressView,
  LearnedRoutes,
  ProcessList,
  RestartRequest,
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
import { createKeptHashes } from './kept-hashes.ts'
import { readLearned } from './learned.ts'
import { createLimitWatches } from './limit-watches.ts'
import type { LiveBottle } from './live-bottle.ts'
import { logEvents } from './log-events.ts'
import { noSuchBottle } from './no-such-bottle.ts'
import { createNotifier } from './notify/notifier.ts'
import { openLedger } from './open-ledger.ts'
import { createOperator, type Operator } from './operator.ts'
import { type Recovered, recover, refuseUnbalanced, unbalancedInWords } from './recovery.ts'
import { createSnapshots, type Snapshots } from './snapshots.ts'
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

export interface Controller extends BottleStarts, Omit<Operator, 'cut' | 'livingBottle'>, AsyncDisposable {
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
  const { memoryWatch, diskWatch } = stack.use(createLimitWatches({ ledger, bus, newId, nowMs, onBug }))
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
  const operator = createOperator({
    ...{ ledger, enforcer, living, instancesPath, nowMs, readSettingsAgain, announce, view },
    budgets: book,
    limitsChanged: () => limitsChanged(),
  })
  const cutForBudget = (bottle: LiveBottle, message: string) => {
    operator.cut(bottle, { policy: bottle.row.policy, trigger: 'budget', message }).catch(onBug)
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
    if (bottle) operator.cut(bottle, { policy: 'kill', trigger: 'timeout', message: timeoutMessage }).catch(onBug)
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
      const bottle = await operator.livingBottle(id)
      bottle.renewEnvironment(environment)
    },

    exited,

    async restarting(id, { exitCode, restarts }) {
      const refuseCut = async () => {
        const { isCut } = await operator.livingBottle(id)
        if (isCut) throw new BottleError('conflict', `bottle "${id}" is cut off: its program is not started again`)
      }
      await refuseCut()
      const reason = `its program failed with exit code ${exitCode}; restart ${restarts}`
      const asked = { action: 'restart', trigger: 'program', reason, outcome: 'it may be started again' } as const
      await enforcer.inTurn({ bottleId: id, ...asked }, refuseCut)
    },

    cutoff: operator.cutoff,
    freeze: operator.freeze,
    kill: operator.kill,
    restore: operator.restore,

    budgets: desk,
    snapshots: createSnapshots({ ledger, instancesPath, nowMs }),
    explainBudgets: async (id) => desk.explain(await operator.livingBottle(id)),
    egress: async (id) => (await operator.livingBottle(id)).egress,
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
}
