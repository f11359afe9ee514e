/**
 * The contract between the controller and its clients (CLI, dashboard): HTTP/1.1 with JSON bodies on a unix socket in a
 * 0700 directory. Every error is `{ "error": { code, message, hint } }`. Times are milliseconds since the epoch.
 */

import type { BottleActivity } from '../core/activity/activity.ts'
import type { Flow } from '../core/activity/flow.ts'
import type { BudgetRole } from '../core/budget/defined-budget.ts'
import type { Forecast, RecentUse } from '../core/budget/forecast.ts'
import type { BudgetLimit } from '../core/budget/limit.ts'
import type { Period } from '../core/budget/period.ts'
import type { Counter } from '../core/budget/scope.ts'
import type { BottleErrorCode } from '../core/errors.ts'
import type { NotifyEvent } from '../core/manifest/notify-notation.ts'
import type { WrittenEgress } from '../core/manifest/written-egress.ts'
import type { EstimatorAccuracy } from '../core/metering/estimator/accuracy.ts'
import type { Usage } from '../core/metering/usage.ts'
import type { Route } from '../core/routing/route.ts'
import type { SnapshotManifest } from '../core/snapshot/snapshot-manifest.ts'
import type {
  AuditEntry,
  BottleState,
  CutPolicy,
  EnforcementAction,
  EnforcementTrigger,
  UsageEvent,
  UsageGrouping,
  UsageRow,
} from '../ledger/ledger.ts'
import type { ExportedUsage, ExportRange } from '../ledger/ledger-export.ts'
import type { LedgerReport, RebuildReport } from '../ledger/ledger-report.ts'
import type { SharedHosts } from '../ledger/postgres/shared-hosts.ts'
import type { BottleProcess } from '../sandbox/list-processes.ts'
import type { LaunchCommand, SandboxName, Workspace } from '../sandbox/sandbox.ts'

export interface ErrorBody {
  readonly error: { readonly code: BottleErrorCode; readonly message: string; readonly hint?: string }
}

/** `GET /v1/status` */
export interface ControllerStatus {
  readonly version: string
  readonly pid: number
  readonly home: string
  readonly startedAtMs: number
  readonly livingBottles: number
  /** Since the controller began. */
  readonly notifications: readonly ChannelStatus[]
}

/** One way of telling people what `notify` in settings.yml asks for. */
export interface ChannelStatus {
  readonly channel: 'command' | 'webhook' | 'desktop'
  /** For an attempt, or for its end. */
  readonly waiting: number
  readonly delivered: number
  readonly givenUp: number
  /** Of the latest attempt that failed. */
  readonly lastFailure: string | null
}

/** `POST /v1/stop`: answers before it ends; `conflict`, naming them, when bottles live and `force` is false. */
export interface StopRequest {
  readonly force: boolean
  /** For another controller, which takes them up; those without containment end, and count as those that live above. */
  readonly leavesBottles?: boolean
}

/** `POST /v1/plans`: what a start would need, before anything happens. `agent: null` for `run`. */
export interface PlanRequest {
  readonly agent: string | null
  /** Bottle definitions, in order; empty for the agent's own. */
  readonly definitions: readonly string[]
  /** The directory that the command was given in: agents in its `.bot-bottle/agents` count. null for none. */
  readonly projectPath: string | null
}

export interface Plan {
  readonly definitions: readonly string[]
  /** Providers that the bottle may use; a budget without a provider goes to the only one. */
  readonly providers: readonly string[]
  /** The agent's command with its prompt, the first word to be found on the user's PATH; null for `run`. */
  readonly command: readonly string[] | null
  /** How to install the command; null for `run`. */
  readonly installHint: string | null
  /** Names of the host's environment variables that the credentials are read from; the client sends those it has. */
  readonly environmentNames: readonly string[]
  /** A credential comes from a command, which is to run in the user's environment: the client sends all of it. */
  readonly wantsWholeEnvironment: boolean
  /** Variables of the bottle that are asked for. */
  readonly questions: readonly Question[]
  /** What the user should know before the start, one sentence each. */
  readonly notices: readonly string[]
}

export interface Question {
  /** The variable. */
  readonly name: string
  readonly message: string
  /** What is typed is not to be shown. */
  readonly isSecret: boolean
}

/** `POST /v1/bottles` */
export interface StartRequest extends PlanRequest {
  /** Absolute path of the program, and its arguments. */
  readonly command: readonly [string, ...string[]]
  readonly workspace: Workspace
  readonly readOnlyPaths: readonly string[]
  readonly budgets: readonly BudgetLimit[]
  /** null: as settings say. */
  readonly policy: CutPolicy | null
  readonly sandbox: SandboxName
  /** What no route allows passes and is kept, but on the hosts of providers. */
  readonly learn?: boolean
  /** Held by a process in the background; what its program prints is kept with the bottle. */
  readonly detached?: boolean
  /** After so long it is ended. Absent: never. */
  readonly timeoutMs?: number | undefined
  /** What the plan wants of the user's environment (kept in memory, never given to the bottle). */
  readonly hostEnvironment: Readonly<Record<string, string>>
  /** Variables for the program: the answers to the plan's questions, and whatever else the user sets for this start. */
  readonly env: Readonly<Record<string, string>>
  /** Terminal and locale variables for the program (TERM, COLORTERM, LANG, LC_*, TZ, NO_COLOR, FORCE_COLOR). */
  readonly terminalEnvironment: Readonly<Record<string, string>>
}

export interface StartedBottle {
  readonly bottle: BottleView
  readonly launch: LaunchCommand
  /** Host path of the directory that the program works in. */
  readonly workspacePath: string
  /** At which of them the terminal rings. */
  readonly bell: readonly NotifyEvent[]
  /** What the user should know of the start, one sentence each. */
  readonly notices: readonly string[]
}

/** `GET /v1/bottles/ID/resume`: what a frozen bottle would need. `command` is never null, `questions` are answered. */
export interface ResumePlan extends Plan {
  /** Make the agent go on with its last conversation. */
  readonly continueArguments: readonly string[]
}

/** `GET /v1/bottles/ID/snapshot`: what of a frozen bottle is in no file of its directory. */
export type SnapshotFacts = Pick<SnapshotManifest, 'bottle' | 'spent' | 'limits'>

/** `POST /v1/snapshots`, answered by its BottleView: a folder in `instances/` becomes a frozen bottle. */
export interface SnapshotTakeIn {
  readonly folder: string
}

/** `POST /v1/bottles/ID/resume`, answered by a StartedBottle; the rest is as it was at the start. */
export interface ResumeRequest
  extends Pick<StartRequest, 'command' | 'detached' | 'timeoutMs' | 'hostEnvironment' | 'terminalEnvironment'> {
  /** New limits of the bottle's run scope, applied before. */
  readonly budgets: readonly BudgetLimit[]
}

/** `GET /v1/bottles` (`?all=1` with the ended ones), `GET /v1/bottles/ID` */
export interface BottleView {
  readonly id: string
  /** The agent's name, or `run`. */
  readonly agent: string
  readonly definitions: readonly string[]
  readonly state: BottleState
  readonly policy: CutPolicy
  /** False for a bottle without containment (`--sandbox none`). */
  readonly contained: boolean
  /** It lives, in the background. */
  readonly detached: boolean
  readonly createdAtMs: number
  readonly endedAtMs: number | null
  readonly exitCode: number | null
  /**
   * The budgets that hold now, of each provider that the bottle may use: that of the most specific scope, then those marked
   * `always`. A provider without any has one entry with `limitTokens: null`: what the bottle itself was charged.
   */
  readonly budgets: readonly Counter[]
  /** What the bottle itself was charged, over all providers. Tokens. */
  readonly chargedTokens: number
  /** Exchanges in flight. */
  readonly openExchanges: number
  /** Keys of the scopes that a living bottle is charged to, its run first, the host last. */
  readonly scopes: readonly string[]
}

/** A budget in force, and the counter that it is measured by now. */
export interface BudgetView extends Counter {
  readonly limitTokens: number
  /** Neither charged nor held. */
  readonly leftTokens: number
  /** Holds also where a more specific scope has a budget for the provider. */
  readonly always: boolean
  /** Who defined it: `file`, which is settings, agent or bottle; or `operator`, which is `--budget`, `restore` or `budget set`. */
  readonly origin: 'file' | 'operator'
  /** `null`: no calendar resets it. */
  readonly resetsAtMs: number | null
  /** Ids of the living bottles for whom it holds now. */
  readonly holdsFor: readonly string[]
  /** Living bottles for whom it would hold, if no budget of a more specific scope governed. */
  readonly overruledFor: readonly { readonly bottleId: string; readonly byScope: string }[]
  /** What was charged to it lately; the forecast rests on it. */
  readonly recent: RecentUse
  /** When it is spent, if it goes on as of late. */
  readonly forecast: Forecast
}

/** `GET /v1/budgets`: those of the host, of living bottles, of what was started since the controller began, and of operators. */
export type BudgetList = readonly BudgetView[]

/** `GET /v1/bottles/ID/budgets`: every budget at the scopes of a living bottle, the most specific first. */
export type BudgetExplanation = readonly (BudgetView & { readonly role: BudgetRole })[]

/** `GET /v1/bottles/ID/egress`: what a living bottle may reach, as it was when it started. */
export type EgressView = WrittenEgress

/** `GET /v1/bottles/ID/processes`, oldest first; none for a bottle that does not live or is not contained. */
export type ProcessList = readonly BottleProcess[]

/** `GET /v1/bottles/ID/learned`, of ended bottles too: routes for what only passed since the bottle learned. */
export type LearnedRoutes = readonly Route[]

/** What was refused at one place, summed over its bottle's log. */
export interface DenialRow {
  readonly bottleId: string
  readonly method: string
  readonly host: string
  /** Without the query. */
  readonly path: string
  /** Of the answer. */
  readonly status: number
  readonly code: string
  /** What is not allowed, and what would allow it. */
  readonly reason: string
  readonly count: number
  readonly firstAtMs: number
  readonly lastAtMs: number
}

/** `GET /v1/denials?bottle=ID&limit=N`: those that came last, newest last; as far back as the logs go. */
export type DenialList = readonly DenialRow[]

/** `POST /v1/budgets`, answered by `{ changed }`: false where there was nothing to remove. */
export interface BudgetChange {
  /** `host`, `run:ID`, `agent:NAME` or `bottle:NAME`. */
  readonly scope: string
  readonly provider: string
  /** In place of all that the files say of the provider there, until it is removed by `null`. */
  readonly budget: { readonly limitTokens: number; readonly period: Period; readonly always: boolean } | null
}

/** `POST /v1/bottles/ID/environment`, from whoever holds a bottle, to a controller that took it up */
export interface EnvironmentAgain {
  /** As in its `StartRequest`. */
  readonly hostEnvironment: Readonly<Record<string, string>>
}

/** `POST /v1/bottles/ID/exit` */
export interface ExitReport {
  readonly exitCode: number
}

/**
 * `POST /v1/bottles/ID/restart`, from whoever holds a bottle, before its program is started again: `conflict` when it must not be.
 */
export interface RestartRequest {
  /** Of the program that failed. */
  readonly exitCode: number
  /** With this one. */
  readonly restarts: number
}

/** `POST /v1/bottles/ID/cutoff`, `…/freeze`, `…/kill`, `…/restore` */
export interface RestoreRequest {
  /** New limits of the bottle's run scope, applied before. */
  readonly budgets: readonly BudgetLimit[]
}

export interface EnforcementResult {
  readonly bottle: BottleView
  /** False when the bottle already was in that state: nothing was done. */
  readonly changed: boolean
}

/** `GET /v1/usage?by=GROUPING&each_model=1&each_bottle=1&since=MS&until=MS&bottle=ID&limit=N` */
export interface UsageReport {
  readonly by: UsageGrouping
  readonly rows: readonly UsageRow[]
}

/** `GET /v1/estimator`, those that learned last first */
export type EstimatorReport = readonly EstimatorAccuracy[]

/** `GET /v1/exchanges?bottle=ID&limit=N`, newest last */
export type ExchangeList = readonly UsageEvent[]

/** `GET /v1/counters` */
export type CounterList = readonly Counter[]

/** `GET /v1/audit?bottle=ID&limit=N`, newest last */
export type AuditList = readonly AuditEntry[]

/**
 * `GET /v1/events?pace=MS&activity=1` (all bottles) and `GET /v1/bottles/ID/session` (one bottle): one JSON object a line, for as long as the
 * client stays. A session that ends before the bottle's exit was reported kills the bottle: nobody is left to hold it. When the
 * controller is gone, whoever held a bottle has 30 s to open its session at the next one. With a `pace`, events come together, at
 * most so late, and of the progress of one exchange only the last. With `activity` that is the first event: what was before.
 */
export type ControllerEvent =
  | {
      readonly kind: 'exchange_started'
      readonly bottleId: string
      readonly attemptId: string
      readonly provider: string
      readonly model: string | null
      /** What is held of its budgets. */
      readonly holdTokens: number
      readonly atMs: number
    }
  /** At most ten a second and exchange. */
  | {
      readonly kind: 'exchange_progress'
      readonly bottleId: string
      readonly attemptId: string
      readonly provider: string
      /** Input and output of this exchange so far, reported or estimated. Tokens. */
      readonly observedTokens: number
      /** What is held of its budgets now. */
      readonly heldTokens: number
      readonly atMs: number
    }
  | {
      readonly kind: 'exchange_settled'
      readonly bottleId: string
      readonly attemptId: string
      readonly provider: string
      readonly model: string | null
      readonly usage: Usage
      readonly chargeTokens: number
      readonly source: UsageEvent['source']
      readonly ending: string
      readonly startedAtMs: number
      /** The bottle's governing counter afterwards, if a budget governs. */
      readonly governing: Counter | null
      /** Those of all budgets that were charged, as they stand afterwards. */
      readonly counters: readonly Counter[]
      readonly atMs: number
    }
  | {
      readonly kind: 'warning'
      readonly bottleId: string
      readonly thresholdPercent: number
      readonly counter: Counter
      readonly atMs: number
    }
  | {
      readonly kind: 'enforcement'
      readonly bottleId: string
      readonly action: EnforcementAction
      readonly trigger: EnforcementTrigger
      readonly phase: 'intent' | 'done' | 'failed'
      readonly detail: string
      /** Why it was begun: the `detail` of the intent. */
      readonly reason: string
      readonly atMs: number
    }
  | {
      readonly kind: 'denied'
      readonly bottleId: string
      readonly method: string
      readonly host: string
      readonly path: string
      /** Of the answer. */
      readonly status: number
      readonly code: string
      readonly reason: string
      readonly atMs: number
    }
  /** A bottle used more of its host than `limits` of its definition allow, and something was done about it. */
  | {
      readonly kind: 'limit'
      readonly bottleId: string
      readonly limit: 'memory' | 'disk'
      readonly detail: string
      readonly atMs: number
    }
  | { readonly kind: 'bottle'; readonly bottle: BottleView; readonly atMs: number }
  /** Budgets were set, raised or removed: what was read of them is old. */
  | { readonly kind: 'limits_changed'; readonly atMs: number }
  | ActivitySnapshot

/** Where the fold of `core/activity/` stands. Memory of the controller: what a bottle used before it began is in `tokens` alone. */
export interface ActivitySnapshot {
  readonly kind: 'activity'
  readonly bottles: readonly BottleActivity[]
  readonly flows: readonly Flow[]
  readonly atMs: number
}

export type LedgerVerification = LedgerReport
export type LedgerRebuild = RebuildReport
export type LedgerExportLine = ExportedUsage
/** Who shares the ledger's database (`shared-ledger.ts`), which needs no controller either. */
export type LedgerHosts = SharedHosts

/**
 * The ledger's file (`ledger-file.ts`), which needs no controller. Everything throws BottleError `ledger_unusable` for a file that
 * cannot be used.
 */
export interface LedgerFile {
  /** Looks at the home's ledger, or at another file such as a backup. Reads all of it. */
  inspect(path?: string): LedgerVerification
  /** Throws `controller_running` while a controller holds the home. */
  rebuild(nowMs: number): LedgerRebuild
  backUp(copyPath: string, signal?: AbortSignal): Promise<void>
  exported(range: ExportRange): Iterable<LedgerExportLine>
}
