/** The controller as its clients see it: one function per endpoint of `api.ts`, and a start when none is running. */
import { BottleError } from '../core/errors.ts'
import { hostPaths, prepareHome } from '../host/paths.ts'
import type {
  AuditList,
  BottleView,
  BudgetChange,
  BudgetExplanation,
  BudgetList,
  ControllerEvent,
  ControllerStatus,
  CounterList,
  DenialList,
  EgressView,
  EnforcementResult,
  EnvironmentAgain,
  EstimatorReport,
  ExchangeList,
  ExitReport,
  LearnedRoutes,
  Plan,
  PlanRequest,
  ProcessList,
  RestartRequest,
  RestoreRequest,
  ResumePlan,
  ResumeRequest,
  SnapshotFacts,
  SnapshotTakeIn,
  StartedBottle,
  StartRequest,
  StopRequest,
  UsageReport,
} from './api.ts'
import { createTransport, isNobodyThere } from './client-transport.ts'

export interface ControllerClient {
  status(): Promise<ControllerStatus>
  stop(request: StopRequest): Promise<void>
  plan(request: PlanRequest): Promise<Plan>
  start(request: StartRequest): Promise<StartedBottle>
  bottles(filter?: { readonly all?: boolean }): Promise<readonly BottleView[]>
  bottle(id: string): Promise<BottleView>
  /** Gives a controller that took a bottle up what it needs of the user's environment. */
  renewEnvironment(id: string, again: EnvironmentAgain): Promise<void>
  exit(id: string, report: ExitReport): Promise<void>
  /** Throws BottleError `conflict` when its program must not be started again. */
  restart(id: string, request: RestartRequest): Promise<void>
  cutoff(id: string): Promise<EnforcementResult>
  freeze(id: string): Promise<EnforcementResult>
  resumePlan(id: string): Promise<ResumePlan>
  resume(id: string, request: ResumeRequest): Promise<StartedBottle>
  snapshotFacts(id: string): Promise<SnapshotFacts>
  takeIn(snapshot: SnapshotTakeIn): Promise<BottleView>
  kill(id: string): Promise<EnforcementResult>
  restore(id: string, request: RestoreRequest): Promise<EnforcementResult>
  egress(id: string): Promise<EgressView>
  learned(id: string): Promise<LearnedRoutes>
  processes(id: string): Promise<ProcessList>
  denials(filter: { readonly bottle?: string; readonly limit?: number }): Promise<DenialList>
  budgets(): Promise<BudgetList>
  explainBudgets(id: string): Promise<BudgetExplanation>
  changeBudget(change: BudgetChange): Promise<{ readonly changed: boolean }>
  usage(query: {
    readonly by: UsageReport['by']
    readonly eachModel?: boolean
    readonly eachBottle?: boolean
    readonly sinceMs?: number
    readonly untilMs?: number
    readonly bottle?: string
    /** Rows at most. */
    readonly limit?: number
  }): Promise<UsageReport>
  estimator(): Promise<EstimatorReport>
  exchanges(filter: { readonly bottle?: string; readonly limit?: number }): Promise<ExchangeList>
  counters(): Promise<CounterList>
  audit(filter: { readonly bottle?: string; readonly limit?: number }): Promise<AuditList>
  /** Events of all bottles, for who watches them: what was before, then what happens, together at that pace. */
  watch(paceMs: number, signal: AbortSignal): Promise<AsyncIterable<ControllerEvent>>
  /** Events of all bottles. Each stream lasts until the signal aborts, the loop is left or the controller ends. */
  events(signal: AbortSignal): Promise<AsyncIterable<ControllerEvent>>
  /** Holds a bottle: it lives no longer than this stream. */
  session(id: string, signal: AbortSignal): Promise<AsyncIterable<ControllerEvent>>
}

/** Copying a large workspace takes its time; ending what a bottle left behind may. */
const startTimeoutMs = 10 * 60_000
const enforcementTimeoutMs = 60_000

export function createClient(socketPath: string, patienceMs?: number): ControllerClient {
  const { call, stream } = createTransport(socketPath, patienceMs)
  const get = async <Answer>(path: string) => (await call(path)) as Answer
  const post = async <Answer>(path: string, body: unknown, timeoutMs?: number) =>
    (await call(path, { method: 'POST', body, ...(timeoutMs !== undefined && { timeoutMs }) })) as Answer
  const bottlePath = (id: string, action = '') => {
    if (/^[a-z0-9_-]+$/.test(id)) return `/v1/bottles/${id}${action}`
    throw new BottleError('usage', `"${id}" is not the id of a bottle`, { hint: 'List them with: bot-bottle ps --all' })
  }
  return {
    status: () => get('/v1/status'),
    stop: (request) => post('/v1/stop', request),
    plan: (request) => post('/v1/plans', request),
    start: (request) => post('/v1/bottles', request, startTimeoutMs),
    bottles: ({ all = false } = {}) => get(`/v1/bottles${all ? '?all=1' : ''}`),
    bottle: (id) => get(bottlePath(id)),
    renewEnvironment: (id, again) => post(bottlePath(id, '/environment'), again),
    exit: (id, report) => post(bottlePath(id, '/exit'), report, enforcementTimeoutMs),
    restart: (id, request) => post(bottlePath(id, '/restart'), request, enforcementTimeoutMs),
    cutoff: (id) => post(bottlePath(id, '/cutoff'), {}, enforcementTimeoutMs),
    freeze: (id) => post(bottlePath(id, '/freeze'), {}, startTimeoutMs),
    resumePlan: (id) => get(bottlePath(id, '/resume')),
    resume: (id, request) => post(bottlePath(id, '/resume'), request, startTimeoutMs),
    snapshotFacts: (id) => get(bottlePath(id, '/snapshot')),
    takeIn: (snapshot) => post('/v1/snapshots', snapshot),
    kill: (id) => post(bottlePath(id, '/kill'), {}, enforcementTimeoutMs),
    restore: (id, request) => post(bottlePath(id, '/restore'), request, enforcementTimeoutMs),
    egress: (id) => get(bottlePath(id, '/egress')),
    processes: (id) => get(bottlePath(id, '/processes')),
    learned: (id) => get(bottlePath(id, '/learned')),
    denials: ({ bottle, limit }) => get(`/v1/denials${query({ bottle, limit })}`),
    budgets: () => get('/v1/budgets'),
    explainBudgets: (id) => get(bottlePath(id, '/budgets')),
    changeBudget: (change) => post('/v1/budgets', change),
    usage: ({ by, eachModel, eachBottle, sinceMs, untilMs, bottle, limit }) => {
      const each = { each_model: eachModel ? 1 : undefined, each_bottle: eachBottle ? 1 : undefined }
      return get(`/v1/usage${query({ by, ...each, since: sinceMs, until: untilMs, bottle, limit })}`)
    },
    estimator: () => get('/v1/estimator'),
    exchanges: ({ bottle, limit }) => get(`/v1/exchanges${query({ bottle, limit })}`),
    counters: () => get('/v1/counters'),
    audit: ({ bottle, limit }) => get(`/v1/audit${query({ bottle, limit })}`),
    watch: async (paceMs, signal) =>
      (await stream(`/v1/events${query({ pace: paceMs, activity: 1 })}`, signal)) as AsyncIterable<ControllerEvent>,
    events: async (signal) => (await stream('/v1/events', signal)) as AsyncIterable<ControllerEvent>,
    session: async (id, signal) => (await stream(bottlePath(id, '/session'), signal)) as AsyncIterable<ControllerEvent>,
  }
}

function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const given = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) if (value !== undefined) given.set(key, String(value))
  return given.size === 0 ? '' : `?${given}`
}

export interface ConnectOptions {
  readonly home: string
  /** Start a controller when none is running; otherwise that is the error `controller_unreachable`. */
  readonly start: boolean
  readonly env?: Readonly<Record<string, string | undefined>>
  /** What the controller said of itself when it answered. */
  readonly onStatus?: (status: ControllerStatus) => void
}

/** A client of a controller that has answered. */
export async function connectController(options: ConnectOptions): Promise<ControllerClient> {
  const { home, start, env = process.env, onStatus } = options
  const { socketPath, logPath } = start ? await prepareHome(home) : hostPaths(home)
  refuseLongPath(socketPath)
  const client = createClient(socketPath)
  const isAnswering = async () => {
    try {
      const status = await client.status()
      onStatus?.(status)
      return true
    } catch (error) {
      if (isNobodyThere(error)) return false
      throw error
    }
  }
  if (await isAnswering()) return client
  if (!start) {
    throw new BottleError('controller_unreachable', `no controller is running for ${home}`, {
      hint: 'One starts with the first bottle, or with: bot-bottle controller run',
    })
  }
  const { startController } = await import('./client-start.ts')
  await startController({ home, logPath, env, isAnswering })
  return client
}

/** `sun_path` of Linux holds 108 bytes with its final NUL; Node would silently cut the path there. */
const maxSocketPathBytes = 107

function refuseLongPath(socketPath: string): void {
  const length = Buffer.byteLength(socketPath)
  if (length <= maxSocketPathBytes) return
  const message = `the socket path ${socketPath} is ${length} bytes long, and Linux allows ${maxSocketPathBytes}`
  throw new BottleError('usage', message, { hint: 'Set BOT_BOTTLE_HOME to a shorter path.' })
}
