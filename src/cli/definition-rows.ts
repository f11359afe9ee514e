/** A definition as rows: key, value, and where the value was written. Secrets are named by their source, never read. */
import { byteSizeInWords } from '../core/limits/byte-size.ts'
import {
  type AgentDefinition,
  type EffectiveBottle,
  type EnvironmentValue,
  type GitRepository,
  type Origin,
  placeOf,
  type Sourced,
} from '../core/manifest/definition.ts'
import type { Provider } from '../core/provider/provider.ts'
import type { Route } from '../core/routing/route.ts'
import { providerCredential, routeCredential } from './credential-words.ts'

export interface DefinitionRow {
  readonly key: string
  readonly value: string
  /** `FILE:LINE`, or `built-in`. */
  readonly from: string
}

const maxPromptCharacters = 60

export function agentRows({
  name,
  origin,
  description,
  bottle,
  command,
  prompt,
  budgets,
  shutdown,
}: AgentDefinition): DefinitionRow[] {
  return [
    { key: 'name', value: name, from: placeOf(origin) },
    ...optional('description', description, String),
    ...optional('bottle', bottle, String),
    ...optional('command', command, (words) => words.join(' ')),
    ...budgetRows(budgets),
    ...optional('shutdown', shutdown, String),
    ...(prompt === '' ? [] : [{ key: 'prompt', value: firstWords(prompt), from: origin.file }]),
  ]
}

export function bottleRows(bottle: EffectiveBottle): DefinitionRow[] {
  const { names, scopes, env, providers, git, egress, limits, nestedSandbox, supervise, shutdown } = bottle
  return [
    { key: 'name', value: names.join(', '), from: '' },
    { key: 'definitions', value: scopes.map(({ name }) => name).join(' < '), from: 'nearest first' },
    ...providers.flatMap(providerRows),
    ...[...env].map(([name, { value, origin }]) => row(`env.${name}`, valueInWords(value), origin)),
    ...optional('egress.log', egress.log, String),
    ...optional('egress.unlisted_endpoints', egress.unlistedEndpoints, String),
    ...egress.routes.map(({ value, origin }) => row('egress.routes', routeInWords(value), origin)),
    ...optional('git-gate.user.name', git.userName, String),
    ...optional('git-gate.user.email', git.userEmail, String),
    ...[...git.repositories].map(([name, { value, origin }]) =>
      row(`git-gate.repos.${name}`, repositoryInWords(value), origin),
    ),
    ...scopes.flatMap(({ name, budgets }) => budgetRows(budgets, `${name}: `)),
    ...optional('limits.memory', limits.memoryBytes, sizeInWords),
    ...optional('limits.processes', limits.processes, (count) => String(count ?? 'unlimited')),
    ...optional('limits.disk', limits.diskBytes, sizeInWords),
    ...optional('limits.cpu_weight', limits.cpuWeight, String),
    ...optional('nested_sandbox', nestedSandbox, String),
    ...optional('supervise', supervise, String),
    ...optional('shutdown', shutdown, String),
  ]
}

function providerRows({ value, origin }: Sourced<Provider>): DefinitionRow[] {
  const { name, hosts, program } = value
  const of = `agent_provider.${name}`
  return [
    row('agent_provider', name, origin),
    row(`${of}.hosts`, hosts.map(({ host }) => host).join(' '), origin),
    row(`${of}.credential`, providerCredential(value), origin),
    ...(program ? [row(`${of}.command`, program.command.join(' '), origin)] : []),
  ]
}

function budgetRows(budgets: AgentDefinition['budgets'], of = ''): DefinitionRow[] {
  return budgets.map(({ value: { provider, limitTokens, period, always }, origin }) => {
    const words = `${of}${limitTokens}${period === undefined ? '' : ` per ${period}`}${always ? ', always' : ''}`
    return row(`budget.${provider}`, words, origin)
  })
}

function sizeInWords(bytes: number | null): string {
  return bytes === null ? 'unlimited' : byteSizeInWords(bytes)
}

function optional<Value>(key: string, sourced: Sourced<Value> | undefined, inWords: (value: Value) => string) {
  return sourced === undefined ? [] : [row(key, inWords(sourced.value), sourced.origin)]
}

function row(key: string, value: string, origin: Origin): DefinitionRow {
  return { key, value, from: placeOf(origin) }
}

function valueInWords(value: EnvironmentValue): string {
  if (value.kind === 'text') return value.text
  return `asked for at start${value.isSecret ? ', hidden' : ''}: ${value.message}`
}

function routeInWords(route: Route): string {
  const { host, methods, paths, providerTools, webSocket } = route
  const credential = routeCredential(route)
  const parts = [
    methods?.join(',') ?? 'any method',
    `${host}${paths === undefined ? '' : ` ${paths.join(' ')}`}`,
    ...(credential === null ? [] : [`with ${credential}`]),
    ...(providerTools ? [`provider tools: ${providerTools.join(', ')}`] : []),
    ...(webSocket === false ? ['no WebSocket'] : []),
  ]
  return parts.join(' ')
}

function repositoryInWords({ url, identity }: GitRepository): string {
  return identity === undefined ? url : `${url} with ${identity}`
}

function firstWords(prompt: string): string {
  const line = prompt.replaceAll(/\s+/g, ' ')
  return line.length > maxPromptCharacters ? `${line.slice(0, maxPromptCharacters)}…` : line
}
