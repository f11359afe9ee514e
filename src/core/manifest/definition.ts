/**
 * What manifests say once they are read and merged: plain data, each value with the place where it was written.
 * A bottle definition and its parents become one `EffectiveBottle`; nothing outside of this room sees a single file.
 */
import type { BudgetLimit } from '../budget/limit.ts'
import type { Period } from '../budget/period.ts'
import type { WireFormatName } from '../metering/format.ts'
import type { PromptDelivery, Provider, SignInKind, WritableScheme } from '../provider/provider.ts'
import type { Route } from '../routing/route.ts'
import type { WrittenLimits } from './limits-notation.ts'

/** What is wrong at one place: what was found, and what would work. */
export interface Problem extends Origin {
  readonly message: string
}

/** One line for a user: `FILE:LINE:COLUMN: what is wrong`. */
export function problemInWords({ file, line, column, message }: Problem): string {
  return line === 0 ? `${file}: ${message}` : `${file}:${line}:${column}: ${message}`
}

/** Where a value was written. What no file says (built-in values, options) has line 0. */
export interface Origin {
  /** As shown to the user: `bottles/web.md`, `./.bot-bottle/agents/reviewer.md`. */
  readonly file: string
  readonly line: number
  readonly column: number
}

/** `FILE:LINE`, or where no file says it just what does. */
export function placeOf({ file, line }: Origin): string {
  return line === 0 ? file : `${file}:${line}`
}

export interface Sourced<Value> {
  readonly value: Value
  readonly origin: Origin
}

export const builtInOrigin: Origin = { file: 'built-in', line: 0, column: 0 }

export function builtIn<Value>(value: Value): Sourced<Value> {
  return { value, origin: builtInOrigin }
}

/** A budget as a file says it. */
export interface WrittenBudget extends BudgetLimit {
  /** Absent: that of the settings. */
  readonly period?: Period
  readonly always: boolean
}

export type ShutdownPolicy = 'cutoff' | 'freeze' | 'kill'

/** Of a variable in the bottle: a text, or a question that is asked at start. */
export type EnvironmentValue =
  | { readonly kind: 'text'; readonly text: string }
  /** `isSecret`: what is typed is not shown. */
  | { readonly kind: 'ask'; readonly message: string; readonly isSecret: boolean }

export interface GitRepository {
  readonly url: string
  /** Path of the private key on the host. Absent for HTTPS. */
  readonly identity?: string
  /** As a line of known_hosts has it, without the host: `ssh-ed25519 AAAA…`. Absent for HTTPS. */
  readonly hostKey?: string
}

export interface GitUser {
  readonly userName?: Sourced<string>
  readonly userEmail?: Sourced<string>
}

export interface GitGate extends GitUser {
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
  readonly budgets: readonly Sourced<WrittenBudget>[]
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
  readonly limits: WrittenLimits
  readonly nestedSandbox?: Sourced<boolean>
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
  /** What it is for, in one line. */
  readonly description?: Sourced<string>
  /** Each field wins over the bottle's. */
  readonly gitUser?: GitUser
  readonly budgets: readonly Sourced<WrittenBudget>[]
  readonly shutdown?: Sourced<ShutdownPolicy>
}

/** One bottle file, before its parents are merged into it. */
export interface BottleFile extends WrittenBottle {
  readonly name: string
  readonly origin: Origin
}

export interface WrittenBottle {
  /** Earlier ones are farther. */
  readonly extends: readonly Sourced<string>[]
  readonly env: ReadonlyMap<string, Sourced<EnvironmentValue>>
  /** Absent: those of its parents. */
  readonly providers?: readonly Sourced<WrittenProvider>[]
  readonly git: WrittenGitGate
  readonly egress: EgressRules
  readonly limits: WrittenLimits
  readonly nestedSandbox?: Sourced<boolean>
  readonly supervise?: Sourced<boolean>
  readonly budgets: readonly Sourced<WrittenBudget>[]
  readonly shutdown?: Sourced<ShutdownPolicy>
}

export interface WrittenGitGate extends GitUser {
  /** Empty: those of the parents are dropped. Absent: they stay. */
  readonly repositories?: ReadonlyMap<string, WrittenRepository>
}

/** Each field may come from another file. */
export interface WrittenRepository {
  readonly origin: Origin
  readonly url?: Sourced<string>
  readonly identity?: Sourced<string>
  readonly hostKey?: Sourced<string>
}

/** A built-in provider by its name, an own one, or a built-in one of which some things are said otherwise. */
export interface WrittenProvider {
  readonly name: string
  readonly command?: readonly [string, ...string[]]
  /** How to install the program, as a sentence. */
  readonly install?: string
  /** Of an own one, never absent. */
  readonly hosts?: readonly WrittenHost[]
  readonly credential?: WrittenCredential
  /** Of a built-in one. Absent: by what the host has. */
  readonly signIn?: SignInKind
  /** Variables that hold a placeholder inside the bottle. Absent: those that the credential is read from. */
  readonly env?: readonly string[]
  readonly prompt?: Exclude<PromptDelivery, { readonly kind: 'none' }>
  readonly continue?: readonly string[]
}

export interface WrittenHost {
  readonly host: string
  /** Of its metered endpoints, where they do not say otherwise. */
  readonly format: WireFormatName
  /** Absent: the usual ones of the format. */
  readonly endpoints?: readonly WrittenEndpoint[]
}

export interface WrittenEndpoint {
  readonly method: string
  readonly path: string
  readonly kind: 'metered' | 'free'
  readonly format?: WireFormatName
}

export interface WrittenCredential {
  /** `env:NAME`, `file:PATH` or `command:…`, tried in order. */
  readonly sources: readonly [string, ...string[]]
  /** Absent: bearer. */
  readonly scheme?: WritableScheme
}
