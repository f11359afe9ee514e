/** All that the dashboard knows and shows. A new one is only made by `reduce.ts`. */
import type { AuditList, BottleView, BudgetView, ControllerEvent } from '../../controller/api.ts'
import { type Activity, noActivity } from '../../core/activity/activity.ts'
import type { Period } from '../../core/budget/period.ts'
import type { Detail } from './detail.ts'

/** Whether the controller is heard. */
export type Link =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'lost'; readonly sinceMs: number; readonly why: string }

export type Screen = 'bottles' | 'budgets' | 'audit'
export const screens: readonly Screen[] = ['bottles', 'budgets', 'audit']

export const sortings = ['trouble', 'name', 'tokens', 'used', 'denied', 'age'] as const
export type Sorting = (typeof sortings)[number]

export const filters = ['all', 'alive', 'trouble'] as const
export type Filter = (typeof filters)[number]

/** What has the keys in place of the lists. */
export type Dialog =
  | { readonly kind: 'confirm'; readonly action: 'kill' | 'freeze'; readonly id: string }
  | { readonly kind: 'search'; readonly text: string }
  /** A new limit; Tab chooses among the scopes. */
  | { readonly kind: 'raise'; readonly choices: readonly RaiseChoice[]; readonly chosen: number; readonly text: string }

export interface RaiseChoice {
  readonly scope: string
  readonly provider: string
  readonly period: Period
  readonly always: boolean
  readonly usedTokens: number
  /** null: there is none so far. */
  readonly limitTokens: number | null
}

/** What came of an action, or the last that is worth knowing of what happened. */
export interface Notice {
  readonly text: string
  readonly tone: 'plain' | 'good' | 'warn' | 'bad'
  readonly atMs: number
}

export interface State {
  readonly nowMs: number
  readonly link: Link
  /** Bottles that live or are frozen, and those that ended while we watched. */
  readonly bottles: ReadonlyMap<string, BottleView>
  /** Whom events told of since the stream began: newer than any list that is read afterwards. */
  readonly heard: ReadonlySet<string>
  readonly activity: Activity
  /** As they were read, and brought up to date by what is charged since. */
  readonly budgets: readonly BudgetView[]
  /** Keys of those whose counter events have told. */
  readonly counted: ReadonlySet<string>
  readonly audit: AuditList
  /** The first lists are there. */
  readonly isLoaded: boolean
  readonly screen: Screen
  /** Of each list, the key of what is selected; undefined for its first. */
  readonly selected: Readonly<Record<Screen, string | undefined>>
  readonly sorting: Sorting
  readonly isReversed: boolean
  readonly filter: Filter
  readonly search: string
  readonly detail: Detail | undefined
  readonly dialog: Dialog | undefined
  readonly isHelping: boolean
  readonly notice: Notice | undefined
  /** Rows of a list that the screen has room for: how far a page goes. */
  readonly pageRows: number
}

export const initialState = (nowMs: number): State => ({
  nowMs,
  link: { kind: 'connecting' },
  bottles: new Map(),
  heard: new Set(),
  activity: noActivity,
  budgets: [],
  counted: new Set(),
  audit: [],
  isLoaded: false,
  screen: 'bottles',
  selected: { bottles: undefined, budgets: undefined, audit: undefined },
  sorting: 'trouble',
  isReversed: false,
  filter: 'all',
  search: '',
  detail: undefined,
  dialog: undefined,
  isHelping: false,
  notice: undefined,
  pageRows: 10,
})

export type List = 'bottles' | 'budgets' | 'audit'

/** What happened. */
export type Message =
  | { readonly kind: 'tick' }
  | { readonly kind: 'events'; readonly events: readonly ControllerEvent[] }
  | { readonly kind: 'connected' }
  | { readonly kind: 'lost'; readonly why: string }
  | { readonly kind: 'bottles'; readonly bottles: readonly BottleView[] }
  | { readonly kind: 'budgets'; readonly budgets: readonly BudgetView[] }
  | { readonly kind: 'audit'; readonly audit: AuditList }
  | { readonly kind: 'detail'; readonly id: string; readonly part: Partial<Detail> }
  | { readonly kind: 'told'; readonly text: string; readonly tone: Notice['tone'] }
  | { readonly kind: 'resized'; readonly rows: number }

/** What is to be done about it; `effects.ts` does. */
export type Effect =
  | { readonly kind: 'load'; readonly list: List }
  | { readonly kind: 'load_detail'; readonly id: string; readonly section: Detail['section'] }
  | { readonly kind: 'act'; readonly action: 'cutoff' | 'restore' | 'freeze' | 'kill'; readonly id: string }
  /** In the background, as it was started. */
  | { readonly kind: 'resume'; readonly id: string }
  | { readonly kind: 'raise'; readonly choice: RaiseChoice; readonly limitTokens: number }
  | { readonly kind: 'copy'; readonly text: string }
  | { readonly kind: 'quit' }

export interface Step {
  readonly state: State
  readonly effects: readonly Effect[]
}
