/**
 * What manifests say once they are read and merged: plain data, each value with the place where it was written.
 * A bottle definition and its parents become one `EffectiveBottle`; nothing outside of this room sees a single file.
 */
import type { BudgetLimit } from '../budget/limit.ts'
import type { Provider } from '../provider/provider.ts'
import type { Route } from '../routing/route.ts'

/** Where a value was written. Built-in values have the file `built-in` and line 0. */
export interface Origin {
  /** As shown to the user: `bottles/web.md`, `./.bot-bottle/agents/reviewer.md`. */
  readonly file: string
  readonly line: number
  readonly column: number
}

export interface Sourced<Value> {
  readonly value: Value
  readonly origin: Origin
}

export const builtInOrigin: Origin = { file: 'built-in', line: 0, column: 0 }

export function builtIn<Value>(value: Value): Sourced<Value> {
  return { value, origin: builtInOrigin }
}

export type ShutdownPolicy = 'cutoff' | 'freeze' | 'kill'

/** Of a variable in the bottle: a text, or a question that is asked at start. */
export type EnvironmentValue =
  | { readonly kind: 'text'; readonly text: string }
  /** `isSecret`: what is typed is not shown. */
  | { readonly kind: 'ask'; readonly message: string; readonly isSecret: boolean }

export interface GitRepository {
  readonly url: string
  /** Path of the private key on the host. */
  readonly identity?: string
  /** As a line of known_hosts has it, without the host: `ssh-ed25519 AAAA…`. */
  readonly hostKey?: string
}

export interface GitGate {
  readonly userName?: Sourced<string>
  readonly userEmail?: Sourced<string>
  readonly repositories: ReadonlyMap<string, Sourced<GitRepository>>
}

/**
 * - 0: nothing is written
 * - 1: refused requests
 * - 2: every request, without bodies and credentials
 */
export type EgressLog = 0 | 1 | 2

export interface EgressRules {
  readonly log?: Sourced<EgressLog>
  readonly routes: readonly Sourced<Route>[]
  /** An endpoint of a metered host that is in no table: refused (default), or charged by its bytes. */
  readonly unlistedEndpoints?: Sourced<'refuse' | 'estimate'>
}

/** One definition of the chain, as far as it is a scope of budgets. */
export interface DefinitionScope {
  readonly name: string
  readonly budgets: readonly Sourced<BudgetLimit>[]
}

/** One or several bottle definitions with all their parents, merged. */
export interface EffectiveBottle {
  /** The definitions that were asked for, in order. */
  readonly names: readonly string[]
  /** Every definition in it once, nearest first: the order of budgets. */
  readonly scopes: readonly DefinitionScope[]
  readonly env: ReadonlyMap<string, Sourced<EnvironmentValue>>
  readonly providers: readonly Sourced<Provider>[]
  readonly git: GitGate
  readonly egress: EgressRules
  readonly supervise?: Sourced<boolean>
  readonly shutdown?: Sourced<ShutdownPolicy>
}

export interface AgentDefinition {
  readonly name: string
  readonly origin: Origin
  /** The bottle definition that it runs in, unless others are asked for. */
  readonly bottle?: Sourced<string>
  /** Its program, to be found on the user's PATH, and fixed arguments; else the provider's own. */
  readonly command?: Sourced<readonly [string, ...string[]]>
  /** What the file says below its frontmatter. '' for none. */
  readonly prompt: string
  readonly budgets: readonly Sourced<BudgetLimit>[]
  readonly shutdown?: Sourced<ShutdownPolicy>
}
