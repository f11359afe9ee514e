/**
 * What must be true of a host when nothing goes on: no process but a controller, and of that no descriptor, namespace or mount of
 * a bottle that is gone; no file but those of frozen bottles; and books that say what the provider served.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hostPaths } from '../../src/host/paths.ts'
import { compareBooks, type ServedExchange } from '../fakes/check-books.ts'
import type { SeenExchange } from '../fakes/load-clients.ts'
import { isController, type SoakHost } from './soak-host.ts'

/** What there is before the first bottle of a soak, on its first controller. */
export interface Rest {
  readonly descriptors: number
  readonly files: ReadonlySet<string>
}

export interface LookOptions {
  readonly rest: Rest
  /** Ids of those that are meant to be there. */
  readonly frozen: ReadonlySet<string>
  /** Begins the names of the exchanges that are looked at. */
  readonly phase: string
  readonly seen: readonly SeenExchange[]
  /** Of the provider's log, those that were looked at before. */
  readonly servedBefore: number
}

export interface Look {
  readonly problems: readonly string[]
  readonly served: number
  readonly exchanges: number
  readonly exact: number
}

const maxEvents = 20_000

export async function restOf(host: SoakHost): Promise<Rest> {
  const [pid = 0] = await host.controllerPids()
  return { descriptors: descriptorsOf(pid, host).length, files: new Set(await filesOf(host)) }
}

export async function lookAround(host: SoakHost, options: LookOptions): Promise<Look> {
  const { rest, frozen, phase, seen, servedBefore } = options
  const [leaks, books] = [await leaksOf(host, rest, frozen), await booksOf(host)]
  const all = await host.product.provider.served()
  const served = all.slice(servedBefore).map(withoutHeads)
  const events = books.events.filter(({ model }) => model?.startsWith(phase))
  const findings = compareBooks({ served, seen, events })
  const problems = [
    ...leaks,
    ...(['lost', 'doubled', 'wrong', 'short'] as const).flatMap((kind) =>
      findings[kind].map((one) => `${kind}: ${one}`),
    ),
    ...books.counters
      .filter(({ reservedTokens }) => reservedTokens !== 0)
      .map((counter) => `a hold leaked: ${JSON.stringify(counter)}`),
    ...books.mismatches.map((mismatch) => `a counter is not its events: ${JSON.stringify(mismatch)}`),
    ...books.unfinished.map((entry) => `an enforcement has no end: ${JSON.stringify(entry)}`),
    ...books.living.map(({ id, state }) => `${id} is ${state} in the ledger`),
  ]
  return { problems, served: all.length, exchanges: findings.served, exact: findings.exact }
}

/** Empty once everything that ended is gone. */
export async function leaksOf(host: SoakHost, rest: Rest, frozen: ReadonlySet<string>): Promise<readonly string[]> {
  const { instancesPath } = hostPaths(host.product.home)
  const processes = await host.processes()
  const controllers = await host.controllerPids()
  const descriptors = controllers.flatMap((pid) => descriptorsOf(pid, host))
  const others = processes.filter((line) => !isController.test(line))
  const kept = await readdir(instancesPath)
  return [
    ...others.map((line) => `a process is left: ${line}`),
    ...(await host.product.livingSandboxes()).map((id) => `the namespaces of ${id} are left`),
    ...(controllers.length === 1 ? [] : [`${controllers.length} controllers run: ${controllers}`]),
    ...(descriptors.length <= rest.descriptors
      ? []
      : [
          `the controller has ${descriptors.length} descriptors, and had ${rest.descriptors}: ${descriptors.join(' ')}`,
        ]),
    ...descriptors
      .filter((target) => /^(?:net|mnt|pid|user|ipc|uts|cgroup):/.test(target))
      .map((one) => `held: ${one}`),
    ...controllers.flatMap((pid) => mountsOf(pid, host)).map((line) => `a mount is left: ${line}`),
    ...(await filesOf(host)).filter((file) => !rest.files.has(file)).map((file) => `a file is left: ${file}`),
    ...kept.filter((id) => !frozen.has(id)).map((id) => `the directory of ${id} is left`),
    ...[...frozen].filter((id) => !kept.includes(id)).map((id) => `the directory of ${id}, which is frozen, is gone`),
  ]
}

async function booksOf(host: SoakHost) {
  return host.product.inLedger(async (ledger) => ({
    counters: await ledger.counters(),
    events: await ledger.events({ limit: maxEvents }),
    unfinished: await ledger.openEnforcements(),
    mismatches: await ledger.verify(),
    living: await ledger.bottles({ living: true }),
  }))
}

function withoutHeads({ model, path, status, reported, billed, end }: ServedExchange): ServedExchange {
  return { model, path, status, reported, billed, end }
}

/** What they lead to, but for connections that the proxy keeps open to the provider for a while, and those of API clients. */
function descriptorsOf(pid: number, host: SoakHost): readonly string[] {
  const kept = new Set(keptSockets(pid, host.product.provider.port))
  return readdirSync(`/proc/${pid}/fd`)
    .map((fd) => linkIfThere(`/proc/${pid}/fd/${fd}`))
    .filter((target) => target !== '' && !kept.has(target))
}

function keptSockets(pid: number, port: number): readonly string[] {
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[2]?.endsWith(remote))
    .map((fields) => `socket:[${fields[9]}]`)
}

/** Of layers, and of namespaces that are held by one. */
function mountsOf(pid: number, host: SoakHost): readonly string[] {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .split('\n')
    .filter((line) => line.includes(hostPaths(host.product.home).instancesPath) || line.includes(' nsfs '))
}

/** Of the home, but for what bottles have under their own names, and of the folder for temporary files. */
async function filesOf({ product, temporaryPath }: SoakHost): Promise<readonly string[]> {
  const { home } = product
  const { egressLogsPath, instancesPath } = hostPaths(home)
  const inHome = await readdir(home, { recursive: true, withFileTypes: true })
  const own = inHome
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !path.startsWith(`${egressLogsPath}/`) && !path.startsWith(`${instancesPath}/`))
  return [...own, ...(await readdir(temporaryPath))]
}

function linkIfThere(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
