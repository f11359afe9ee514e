/**
 * How a bottle was resolved at its start: kept in its directory, so that a controller that takes it up later keeps it as it was,
 * whatever definitions and settings say by then.
 *
 * **Invariant** No secret is in it: credentials are named by their sources.
 */
import { totalmem } from 'node:os'
import { scopeChain } from '../core/budget/chain.ts'
import type { DefinedBudget } from '../core/budget/defined-budget.ts'
import type { Period } from '../core/budget/period.ts'
import { type Scope, scopeKey } from '../core/budget/scope.ts'
import { defaultLimits, type Limits } from '../core/limits/limits.ts'
import type { EgressLog, Sourced, WrittenBudget } from '../core/manifest/definition.ts'
import { limitsOf } from '../core/manifest/limits-notation.ts'
import { type WrittenEgress, writtenEgress } from '../core/manifest/written-egress.ts'
import type { Settings } from '../host/settings.ts'
import type { Egress } from '../proxy/egress.ts'
import type { StartRequest } from './api.ts'
import { environmentNeeds } from './credentials.ts'
import type { Definitions } from './definitions.ts'
import { upgraded, type VersionedFile, versionOf } from './kept-versions.ts'

const planFile: VersionedFile = {
  name: 'plan',
  // 2: limits. What was started without any goes on so.
  steps: [(plan) => ({ ...plan, limits: { memoryBytes: null, processes: null, diskBytes: null, cpuWeight: 100 } })],
}

export const planVersion = versionOf(planFile)

export interface BottlePlan extends Pick<Egress, 'gate' | 'weights' | 'preflight'> {
  readonly version: number
  /** Whose end is the bottle's: the session of a client, or the bottle's own program. */
  readonly heldBy: 'client' | 'controller'
  /** Keys of the scopes that it is charged to, its run first. */
  readonly chain: readonly string[]
  /** What files said of the budgets at those scopes. */
  readonly budgets: readonly { readonly scope: Scope; readonly budgets: readonly DefinedBudget[] }[]
  readonly egress: WrittenEgress
  readonly log: EgressLog
  readonly learns: boolean
  /** Absent in a plan of before. */
  readonly detached?: boolean
  /** When its time is over. Absent where it has none. */
  readonly deadlineAtMs?: number | undefined
  readonly limits: Limits
  /** Whether what the program changed stays after its end. */
  readonly keepsWorkspace: boolean
  /** The variables of the user's environment that credentials were read from. */
  readonly givenVariables: readonly string[]
}

export interface ResolvedStart {
  readonly id: string
  readonly definitions: Definitions
  readonly request: StartRequest
  readonly settings: Settings
  readonly deadlineAtMs: number | undefined
}

export function resolvePlan({ id, definitions, request, settings, deadlineAtMs }: ResolvedStart): BottlePlan {
  const { agent, bottle } = definitions
  const { gate, weights, preflight } = settings
  const scopes = bottle.scopes.map(({ name, budgets }) => ({ scope: { kind: 'bottle', name } as const, budgets }))
  const written = agent
    ? [{ scope: { kind: 'agent', name: agent.name } as const, budgets: agent.budgets }, ...scopes]
    : scopes
  return {
    version: planVersion,
    heldBy: 'client',
    chain: scopeChain({
      id,
      agent: request.agent ?? 'run',
      definitions: bottle.scopes.map(({ name }) => name),
    }).map(scopeKey),
    budgets: written.map(({ scope, budgets }) => ({ scope, budgets: inForce(budgets, settings.period) })),
    egress: writtenEgress(bottle),
    log: bottle.egress.log?.value ?? 1,
    learns: request.learn ?? false,
    detached: request.detached ?? false,
    deadlineAtMs,
    limits: limitsOf([bottle.limits, settings.limits], defaultLimits({ hostMemoryBytes: totalmem() })),
    keepsWorkspace: request.workspace.kind === 'layer' || request.workspace.kind === 'copy',
    givenVariables: environmentNeeds(bottle).environmentNames.filter((name) => name in request.hostEnvironment),
    ...{ gate, weights, preflight },
  }
}

function inForce(written: readonly Sourced<WrittenBudget>[], period: Period): readonly DefinedBudget[] {
  return written.map(({ value }) => ({ period, ...value }))
}

/** Also of a plan that an older controller wrote. Throws BottleError `conflict` for that of a newer one. */
export function planOf(text: string): BottlePlan {
  return upgraded(text, planFile) as unknown as BottlePlan // of this shape, since it is of this version
}
