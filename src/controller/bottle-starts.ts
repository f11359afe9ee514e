/** From what a client asks for to a bottle that lives: a start, and a resume, which is a start from what a freeze kept. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { plainBudget } from '../core/budget/defined-budget.ts'
import type { Scope } from '../core/budget/scope.ts'
import { BottleError } from '../core/errors.ts'
import { writtenEgress } from '../core/manifest/written-egress.ts'
import type { Enforcer } from '../enforce/enforcer.ts'
import type { Settings } from '../host/settings.ts'
import type { BottleRow } from '../ledger/ledger.ts'
import type { EgressEvents } from '../proxy/egress.ts'
import type { SandboxBackend, SandboxName } from '../sandbox/sandbox.ts'
import type { BottleView, Plan, PlanRequest, ResumePlan, ResumeRequest, StartedBottle, StartRequest } from './api.ts'
import { type BottlePlan, resolvePlan } from './bottle-plan.ts'
import { chooseSignIns } from './choose-sign-in.ts'
import { openCredentials } from './credentials.ts'
import { type Definitions, definitionsFor, policyOf, providersOf } from './definitions.ts'
import { checkFrozen, forgetFrozen, readFrozen, readStart } from './freezing.ts'
import { instanceDirectory } from './instance-directory.ts'
import type { BottleServices, LiveBottle } from './live-bottle.ts'
import { refuseWithoutRoom } from './restore-room.ts'
import { type BottleStart, startBottle } from './start-bottle.ts'
import { planFor, refuseForeignBudgets, refuseOwnFiles, resumePlanFor } from './start-plan.ts'

export interface BottleStarts {
  /** What a start would need, before anything happens. */
  plan(request: PlanRequest): Promise<Plan>
  start(request: StartRequest): Promise<StartedBottle>
  /** What a frozen bottle would need to go on. Throws BottleError `conflict` for one that is not frozen. */
  resumePlan(id: string): Promise<ResumePlan>
  resume(id: string, request: ResumeRequest): Promise<StartedBottle>
}

export interface BottleStartsOptions {
  readonly services: BottleServices
  readonly enforcer: Enforcer
  readonly home: string
  readonly backends: Readonly<Record<SandboxName, SandboxBackend>>
  /** As they are now; their budgets hold from then on. */
  readSettings(): Promise<Settings>
  limitsChanged(): Promise<void>
  eventsFor(id: string): EgressEvents
  /** It lives, and somebody has to come and hold it. */
  takeIn(bottle: LiveBottle): void
  announce(id: string): void
  view(id: string): Promise<BottleView>
}

type Beginning = Pick<BottleStart, 'row' | 'definitions' | 'request' | 'isResumed'> & {
  readonly settings: Settings
  readonly plan: BottlePlan
  readonly credentials: BottleStart['credentials']
}

export function createBottleStarts(options: BottleStartsOptions): BottleStarts {
  const { services, enforcer, home, backends, readSettings, limitsChanged, eventsFor, takeIn, announce, view } = options
  const { ledger, budgets: book, logins, secrets, instancesPath, nowMs } = services

  /** Everything that can be wrong with a request is found here, before anything is written. */
  const check = async (request: StartRequest, found: Definitions) => {
    refuseForeignBudgets(request.budgets, providersOf(found.bottle))
    await refuseOwnFiles(home, request)
    const settings = await readSettings()
    const { bottle, notices } = await chooseSignIns(found.bottle, {
      environment: request.hostEnvironment,
      logins,
      secrets,
      nowMs,
    })
    const credentials = await openCredentials(writtenEgress(bottle), { request, logins, secrets, nowMs })
    return { settings, definitions: { ...found, bottle, notices }, credentials }
  }
  /** What the files say now replaces what they said at an earlier start; a run's own limits stay until others are given. */
  const defineBudgets = async (id: string, plan: BottlePlan, own: StartRequest['budgets']) => {
    for (const { scope, budgets } of plan.budgets) await book.define(scope, budgets)
    const run: Scope = { kind: 'run', name: id }
    await book.define(run, [])
    await book.override(run, own.map(plainBudget))
    await limitsChanged()
  }
  const begin = async ({ settings, ...start }: Beginning): Promise<StartedBottle> => {
    const { id } = start.row
    const backend = backends[start.request.sandbox]
    const { bottle, launch, workspacePath } = await startBottle({ ...start, backend, events: eventsFor(id) }, services)
    takeIn(bottle)
    announce(id)
    const { bell, events } = settings.notify
    const { notices } = start.definitions
    return { bottle: await view(id), launch, workspacePath, bell: bell ? events : [], notices }
  }
  const frozenRow = async (id: string): Promise<BottleRow> => {
    const { state } = await view(id)
    const row = await ledger.bottle(id)
    if (row?.state === 'frozen') return row
    throw new BottleError('conflict', `bottle "${id}" is not frozen: it is ${state}`, {
      hint: 'Frozen ones are listed by: bot-bottle ps',
    })
  }
  /** Of one that was frozen before its time was over. */
  const timeLeftMs = async (id: string): Promise<number | undefined> => {
    const frozen = await readFrozen(join(instancesPath, id))
    const plan = await instanceDirectory(instancesPath, id)
      .readPlan()
      .catch(() => undefined)
    if (!frozen || plan?.deadlineAtMs === undefined) return undefined
    return Math.max(0, plan.deadlineAtMs - frozen.frozenAtMs)
  }
  const keptStart = async (id: string) => {
    await frozenRow(id)
    const directory = join(instancesPath, id)
    const kept = await readStart(directory)
    return { directory, kept, definitions: await definitionsFor(kept, home) }
  }

  return {
    plan: async (request) => planFor(await definitionsFor(request, home)),

    async start(request) {
      const { settings, definitions, credentials } = await check(request, await definitionsFor(request, home))
      const row = {
        id: `${request.agent ?? 'run'}-${randomBytes(3).toString('hex')}`,
        agent: request.agent ?? 'run',
        definitions: definitions.bottle.names,
        state: 'starting',
        policy: policyOf(request, definitions, settings.shutdown),
        contained: backends[request.sandbox].contained,
        createdAtMs: nowMs(),
        endedAtMs: null,
        exitCode: null,
        reference: '',
      } as const
      await ledger.insertBottle(row)
      try {
        const deadlineAtMs = request.timeoutMs === undefined ? undefined : nowMs() + request.timeoutMs
        const plan = resolvePlan({ id: row.id, definitions, request, settings, deadlineAtMs })
        await defineBudgets(row.id, plan, request.budgets)
        return await begin({ row, definitions, request, settings, plan, credentials, isResumed: false })
      } catch (error) {
        await ledger.updateBottle(row.id, { state: 'failed', endedAtMs: nowMs() })
        throw error
      }
    },

    async resumePlan(id) {
      const { kept, definitions } = await keptStart(id)
      return resumePlanFor(definitions, kept)
    },

    async resume(id, given) {
      const { directory, kept, definitions: found } = await keptStart(id)
      const request = { ...kept, ...given }
      const { settings, definitions, credentials } = await check(request, found)
      const leftMs = given.timeoutMs ?? (await timeLeftMs(id))
      const deadlineAtMs = leftMs === undefined ? undefined : nowMs() + leftMs
      const plan = resolvePlan({ id, definitions, request, settings, deadlineAtMs })
      await defineBudgets(id, plan, given.budgets)
      const keys = providersOf(definitions.bottle).flatMap(({ name }) => book.holding(plan.chain, name, nowMs()))
      refuseWithoutRoom('resume', { id, budgets: await Promise.all(keys.map((key) => ledger.counter(key))) })
      const asked = {
        action: 'resume',
        trigger: 'operator',
        reason: 'asked for by the operator',
        outcome: 'its program may be started',
      } as const
      return enforcer.inTurn({ bottleId: id, ...asked }, async () => {
        // Once more: another resume may have come first, or a kill.
        const row = await frozenRow(id)
        await services.keptHashes.over(directory)
        await checkFrozen(directory)
        try {
          await ledger.updateBottle(id, { state: 'starting', reference: '' })
          const started = await begin({ row, definitions, request, settings, plan, credentials, isResumed: true })
          await forgetFrozen(directory)
          return started
        } catch (error) {
          await ledger.updateBottle(id, { state: 'frozen' })
          throw error
        }
      })
    },
  }
}
