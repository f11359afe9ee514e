/** Reads `settings.yml`: every problem at once, each with its line, what was found and what would work. */
import type { BudgetLimit } from '../budget/limit.ts'
import { parseLimitTokens } from '../budget/limit.ts'
import { didYouMean } from '../did-you-mean.ts'
import { canonicalHost } from '../routing/canonical-host.ts'
import {
  type BoundedEntry,
  type BoundedNode,
  foundInWords,
  type Position,
  type Problem,
  readBoundedYaml,
} from './bounded-yaml.ts'

export interface SettingsFile {
  readonly budgets: readonly BudgetLimit[]
  readonly shutdown: 'cutoff' | 'kill'
  /** Canonical host → where its requests really go. */
  readonly upstreams: ReadonlyMap<string, URL>
  /** Path as written, and where: only the host can read it. */
  readonly upstreamCa: (Position & { readonly path: string }) | null
}

export type ParsedSettings =
  | { readonly kind: 'settings'; readonly settings: SettingsFile }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

export const defaultSettings: SettingsFile = { budgets: [], shutdown: 'cutoff', upstreams: new Map(), upstreamCa: null }

const keys = ['budget', 'shutdown', 'upstreams', 'upstream_ca']
/** Named in the documentation of a later version; a misspelling of them is worth knowing too. */
const laterKeys = ['period', 'weights', 'gate']

export function parseSettings(text: string, { providers }: { readonly providers: readonly string[] }): ParsedSettings {
  const { root, problems: yamlProblems } = readBoundedYaml(text)
  if (yamlProblems.length > 0) return { kind: 'invalid', problems: yamlProblems }
  if (root === undefined || root.kind === 'nothing') return { kind: 'settings', settings: defaultSettings }
  const problems: Problem[] = []
  const report = (position: Position, message: string): void => {
    problems.push({ line: position.line, column: position.column, message })
  }
  const settings = { ...defaultSettings }
  for (const { key, value, ...position } of entriesOf(root, 'the settings', report)) {
    if (key === 'budget') settings.budgets = readBudgets(value, providers, report)
    else if (key === 'shutdown') settings.shutdown = readShutdown(value, report)
    else if (key === 'upstreams') settings.upstreams = readUpstreams(value, report)
    else if (key === 'upstream_ca') settings.upstreamCa = readUpstreamCa(value, report)
    else if (laterKeys.includes(key)) report(position, `"${key}" is not supported yet; remove it`)
    else report(position, `unknown key "${key}"; ${suggestion(key, keys)}`)
  }
  return problems.length > 0 ? { kind: 'invalid', problems } : { kind: 'settings', settings }
}

type Report = (position: Position, message: string) => void

function entriesOf(node: BoundedNode, name: string, report: Report): readonly BoundedEntry[] {
  if (node.kind === 'mapping') return node.entries
  report(node, `${name}: expected a mapping ("key: value" lines), found ${foundInWords(node)}`)
  return []
}

function readBudgets(node: BoundedNode, providers: readonly string[], report: Report): readonly BudgetLimit[] {
  const budgets: BudgetLimit[] = []
  for (const { key: provider, value, ...position } of entriesOf(node, 'budget', report)) {
    if (!providers.includes(provider)) {
      report(position, `budget: unknown provider "${provider}"; ${suggestion(provider, providers)}`)
      continue
    }
    // A quoted number is a text: what is charged must not depend on which reader of YAML one has in mind.
    const limit = value.kind === 'scalar' && !value.isQuoted ? parseLimitTokens(value.text) : undefined
    if (limit?.kind === 'limit') budgets.push({ provider, limitTokens: limit.limitTokens })
    else report(value, `budget.${provider}: found ${foundInWords(value)}; ${limit?.why ?? adviceForLimit(value)}`)
  }
  return budgets
}

function adviceForLimit(value: BoundedNode): string {
  if (value.kind === 'nothing') return 'write a number of tokens, or remove the line for no limit'
  const unquoted = value.kind === 'scalar' ? parseLimitTokens(value.text) : undefined
  if (unquoted?.kind === 'limit') return `write ${unquoted.limitTokens} without quotes`
  return 'a whole number of tokens is expected, e.g. 200000 (0 denies all)'
}

function readShutdown(node: BoundedNode, report: Report): SettingsFile['shutdown'] {
  const text = node.kind === 'scalar' ? node.text : undefined
  if (text === 'cutoff' || text === 'kill') return text
  if (text === 'freeze') report(node, 'shutdown: "freeze" comes with a later version; write cutoff or kill')
  else report(node, `shutdown: expected cutoff or kill, found ${foundInWords(node)}`)
  return defaultSettings.shutdown
}

function readUpstreams(node: BoundedNode, report: Report): ReadonlyMap<string, URL> {
  const upstreams = new Map<string, URL>()
  for (const { key, value, ...position } of entriesOf(node, 'upstreams', report)) {
    const host = canonicalHost(key)
    const url = value.kind === 'scalar' ? originUrl(value.text) : undefined
    if (host.kind !== 'name') {
      report(position, `upstreams: expected a host name such as api.anthropic.com, found "${key}"`)
    } else if (upstreams.has(host.name)) {
      report(position, `upstreams: ${host.name} is given twice; keep one`)
    } else if (url === undefined) {
      const found = foundInWords(value)
      report(value, `upstreams.${key}: expected https://HOST[:PORT] and nothing more, found ${found}`)
    } else upstreams.set(host.name, url)
  }
  return upstreams
}

/** Only scheme, host and port: the path is the request's own, and credentials have their own place. */
function originUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  return url.protocol === 'https:' && url.href === `${url.origin}/` ? url : undefined
}

function readUpstreamCa(node: BoundedNode, report: Report): SettingsFile['upstreamCa'] {
  if (node.kind === 'scalar' && node.text !== '') return { path: node.text, line: node.line, column: node.column }
  report(node, `upstream_ca: expected the path of a PEM file, found ${foundInWords(node)}`)
  return null
}

function suggestion(word: string, candidates: readonly string[]): string {
  const meant = didYouMean(word, candidates)
  return meant === undefined ? `known are ${candidates.join(', ')}` : `did you mean "${meant}"?`
}
