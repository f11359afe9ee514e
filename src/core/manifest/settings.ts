/** `settings.yml`: what holds for the whole host. */
import type { DefinedBudget } from '../budget/defined-budget.ts'
import { defaultGate, type Gate, gates } from '../budget/gate.ts'
import { defaultPeriod, type Period, periods } from '../budget/period.ts'
import { defaultThresholdsPercent, thresholdsFault } from '../budget/thresholds.ts'
import { defaultWeights, ownWeights, parseWeight, type Weights, weightPresets } from '../budget/weights.ts'
import { defaultLogLevel, type LogLevel, logLevels } from '../log-level.ts'
import { canonicalHost } from '../routing/canonical-host.ts'
import { foundInWords, type Position, quote } from './bounded-yaml.ts'
import { budgetsNotation, shutdown } from './budget-notation.ts'
import { key, list, mapping, named } from './collection-notations.ts'
import { builtIn, type Problem, type ShutdownPolicy, type Sourced } from './definition.ts'
import { type SharedLedger, sharedLedger } from './ledger-notation.ts'
import { limitsNotation, type WrittenLimits } from './limits-notation.ts'
import { isMeasured, type Metrics, metricsNotation, noMetrics } from './metrics-notation.ts'
import { converted, type Notation, sourced, wrong } from './notation.ts'
import { isAnybodyTold, type Notify, noNotify, notifyNotation } from './notify-notation.ts'
import { readDocument } from './read-document.ts'
import { defaultRetentionDays, retention } from './retention-notation.ts'
import { number, oneOf, text, wholeNumber } from './scalar-notations.ts'
import { noProxy, type UpstreamProxy, upstreamProxy } from './upstream-proxy-notation.ts'

export type Preflight = 'estimate' | 'exact'

export interface SettingsFile {
  readonly budgets: readonly DefinedBudget[]
  readonly shutdown: ShutdownPolicy
  /** Of every budget that does not name one. */
  readonly period: Period
  readonly weights: Weights
  readonly gate: Gate
  readonly preflight: Preflight
  /** `null`: the budgets are those of this host alone. */
  readonly ledger: SharedLedger | null
  readonly thresholdsPercent: readonly number[]
  /** Canonical host → where its requests really go. */
  readonly upstreams: ReadonlyMap<string, URL>
  /** Path as written, and where: only the host can read it. */
  readonly upstreamCa: (Position & { readonly path: string }) | null
  /** `null`: hosts are dialled from here. */
  readonly upstreamProxy: UpstreamProxy | null
  /** What is reached without it, as `readDirectRule` reads it. */
  readonly noProxy: readonly string[]
  readonly notify: Notify
  readonly metrics: Metrics
  /** Of the controller's log. */
  readonly logLevel: LogLevel
  /** For how long each exchange is kept by itself; `null` for ever. */
  readonly retentionDays: number | null
  /** Of bottles that do not say otherwise. */
  readonly limits: WrittenLimits
}

export type ParsedSettings =
  | { readonly kind: 'settings'; readonly settings: SettingsFile }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

export const defaultSettings: SettingsFile = {
  budgets: [],
  shutdown: 'cutoff',
  period: defaultPeriod,
  weights: defaultWeights,
  gate: defaultGate,
  preflight: 'estimate',
  ledger: null,
  thresholdsPercent: defaultThresholdsPercent,
  upstreams: new Map(),
  upstreamCa: null,
  upstreamProxy: null,
  noProxy: [],
  notify: noNotify,
  metrics: noMetrics,
  logLevel: defaultLogLevel,
  retentionDays: defaultRetentionDays,
  limits: {},
}

const weight = number({
  expected: 'a number such as 0.1 or 5',
  parse(written) {
    const parsed = parseWeight(written)
    return parsed.kind === 'weight' ? { kind: 'number', value: parsed.weight } : { kind: 'fault', why: parsed.why }
  },
  schema: { type: 'number', minimum: 0 },
})

export const weightKeys = {
  input: key('Uncached input. Default: 1.', weight),
  cache_write: key('Writes into the cache. Default: 1.', weight),
  cache_read: key('Reads from the cache. Default: 1.', weight),
  output: key('All output, reasoning included. Default: 1.', weight),
}

const ownWeightsNotation = converted(mapping(weightKeys), {
  from({ cache_write, cache_read, ...same }, node, reading): Weights | undefined {
    const own = ownWeights({
      ...same,
      ...(cache_write !== undefined && { cacheWrite: cache_write }),
      ...(cache_read !== undefined && { cacheRead: cache_read }),
    })
    return own.kind === 'weights' ? own.weights : wrong(node, reading, own.why)
  },
  to: ({ input, cacheWrite, cacheRead, output }) => ({ input, cache_write: cacheWrite, cache_read: cacheRead, output }),
})

const presetNames = ['raw', 'effective'] as const satisfies readonly (keyof typeof weightPresets)[]
const preset = oneOf(presetNames)

const weights: Notation<Weights> = {
  read(node, reading) {
    if (node.kind === 'mapping') return ownWeightsNotation.read(node, reading)
    const name = preset.read(node, reading)
    return name && weightPresets[name]
  },
  print: (own) => presetNames.find((name) => isSame(weightPresets[name], own)) ?? ownWeightsNotation.print(own),
  schema: { anyOf: [preset.schema, ownWeightsNotation.schema] },
}

function isSame(one: Weights, other: Weights): boolean {
  return (Object.keys(one) as readonly (keyof Weights)[]).every((part) => one[part] === other[part])
}

const thresholds = converted(list(wholeNumber({ minimum: 1, maximum: 99 }), { of: 'percents', maxItems: 16 }), {
  from(percents, node, reading) {
    const fault = thresholdsFault(percents)
    return fault === undefined ? percents : wrong(node, reading, fault)
  },
  to: (percents) => percents,
})

const upstream: Notation<URL> = {
  read(node, reading) {
    const url = node.kind === 'scalar' ? originUrl(node.text) : undefined
    return url ?? wrong(node, reading, `expected https://HOST[:PORT] and nothing more, found ${foundInWords(node)}`)
  },
  print: ({ origin }) => origin,
  schema: { type: 'string', pattern: '^https://[^/?#@]+/?$' },
}

/** Only scheme, host and port: the path is the request's own, and credentials have their own place. */
function originUrl(written: string): URL | undefined {
  if (!URL.canParse(written)) return undefined
  const url = new URL(written)
  return url.protocol === 'https:' && url.href === `${url.origin}/` ? url : undefined
}

const upstreams = named({
  value: () => upstream,
  name(written) {
    const host = canonicalHost(written)
    if (host.kind === 'name') return host
    return { kind: 'fault', why: `expected a host name such as api.anthropic.com, found ${quote(written)}` }
  },
  schema: { value: upstream.schema },
})

export function settingsKeys(providers: readonly string[]) {
  return {
    budget: key('Tokens by provider, for all bottles of this host together.', budgetsNotation(providers)),
    shutdown,
    period: key('The period of every budget that does not name one. Default: total.', oneOf(periods)),
    weights: key('What a token of each class counts for. raw (default): 1. effective: roughly as prices are.', weights),
    gate: key(
      'How a budget is asked. lease (default): little is held, and more as the answer grows. strict: all that a request may cost is held before it is sent. off: nothing is held.',
      oneOf(gates),
    ),
    preflight: key(
      "How a request is measured before it is sent: estimate (default), or exact: near the limit the provider's counting endpoint is asked.",
      oneOf<Preflight>(['estimate', 'exact']),
    ),
    ledger: key(
      'A PostgreSQL database in which hosts share their budgets. Default: the budgets are those of this host alone.',
      sharedLedger,
    ),
    thresholds: key('Percents of a budget at which its users are warned. Default: 50, 80, 90, 95.', thresholds),
    upstreams: key('Host → where its requests really go: tests, mirrors, company proxies.', upstreams),
    upstream_ca: key(
      'A PEM file with one more trusted root for upstreams, relative to settings.yml.',
      sourced(text({ expected: 'the path of a PEM file' })),
    ),
    upstream_proxy: key(
      "A company's HTTP proxy, through which every host is reached by CONNECT. Default: none; no variable is read.",
      upstreamProxy,
    ),
    no_proxy: key(
      'Hosts that are reached without it: names, .SUFFIX, and of `upstreams` also addresses and ranges (10.0.0.0/8). This host itself always is.',
      noProxy,
    ),
    ledger_retention: key(
      'How long the ledger keeps each exchange by itself, in days: 90d, or forever. Default: 400d. Older ones are rolled up into their hours; no counter and no report changes.',
      retention,
    ),
    limits: key('What each bottle may use of this host, where it does not say otherwise.', limitsNotation),
    notify: key('Who is told of warnings, cuts, freezes, kills and restores.', notifyNotation),
    metrics: key('Where machines get figures from. Default: nowhere. Read when a controller starts.', metricsNotation),
    log_level: key(
      "The least that the controller's log tells: debug, info (default), warn or error. Read when a controller starts.",
      oneOf(logLevels),
    ),
  }
}

/** `providers`: names that a budget's key is compared with, to find slips. */
export interface SettingsOptions {
  readonly providers: readonly string[]
  /** As problems show it. */
  readonly file: string
}

const advice: Readonly<Record<string, string>> = {
  warnings: '"warnings" is no key; did you mean "thresholds"?',
  always: '"always" belongs below the provider in "budget": {limit: …, always: true}',
  providers: '"providers" is no key: own providers are described by "agent_provider" in bottles/NAME.md',
}

export function settingsNotation(providers: readonly string[]): Notation<SettingsFile> {
  return converted(mapping(settingsKeys(providers), advice), {
    from({
      budget = [],
      shutdown: policy,
      upstream_ca,
      upstream_proxy,
      no_proxy,
      thresholds: percents,
      ledger_retention,
      log_level,
      ...said
    }): SettingsFile {
      const period = said.period ?? defaultSettings.period
      return {
        ...defaultSettings,
        ...said,
        budgets: budget.map(({ value }) => ({ period, ...value })),
        ...(policy && { shutdown: policy.value }),
        ...(percents && { thresholdsPercent: percents }),
        ...(upstream_ca && { upstreamCa: placeOf(upstream_ca) }),
        ...(upstream_proxy && { upstreamProxy: upstream_proxy }),
        ...(no_proxy && { noProxy: no_proxy }),
        ...(ledger_retention !== undefined && { retentionDays: ledger_retention }),
        ...(log_level && { logLevel: log_level }),
      }
    },
    to(settings) {
      const {
        budgets,
        shutdown: policy,
        ledger,
        thresholdsPercent,
        notify,
        metrics,
        retentionDays,
        limits,
        ...others
      } = settings
      const { upstreamCa, upstreamProxy: proxy, noProxy: direct, logLevel, ...said } = others
      return {
        ...said,
        budget: budgets.map(builtIn),
        shutdown: builtIn(policy),
        ...(ledger && { ledger }),
        thresholds: thresholdsPercent,
        ledger_retention: retentionDays,
        log_level: logLevel,
        ...(upstreamCa && { upstream_ca: builtIn(upstreamCa.path) }),
        ...(proxy && { upstream_proxy: proxy }),
        ...(direct.length > 0 && { no_proxy: direct }),
        ...(isAnybodyTold(notify) && { notify }),
        ...(isMeasured(metrics) && { metrics }),
        ...(Object.keys(limits).length > 0 && { limits }),
      }
    },
  })
}

export function parseSettings(fileText: string, { providers, file }: SettingsOptions): ParsedSettings {
  const read = readDocument(fileText, file, settingsNotation(providers))
  return read.kind === 'invalid' ? read : { kind: 'settings', settings: read.value }
}

function placeOf({ value: path, origin: { line, column } }: Sourced<string>): SettingsFile['upstreamCa'] {
  return { path, line, column }
}
