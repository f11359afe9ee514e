/**
 * Starts a bottle: its directory, certificate authority and sandbox, and what the next controller needs to take it up. In that order,
 * and released in reverse when a later part fails.
 */
import { mkdir } from 'node:fs/promises'
import { gitConfigFile } from '../core/manifest/git-config.ts'
import type { Provider } from '../core/provider/provider.ts'
import type { BottleRow } from '../ledger/ledger.ts'
import { createCertificateAuthority } from '../proxy/certificate-authority.ts'
import type { EgressEvents } from '../proxy/egress.ts'
import { proxyLimits } from '../proxy/limits.ts'
import type { LaunchCommand, SandboxBackend } from '../sandbox/sandbox.ts'
import type { StartRequest } from './api.ts'
import type { BottlePlan } from './bottle-plan.ts'
import type { BottleCredentials } from './credentials.ts'
import { type Definitions, environmentOf, promptParts, providersOf } from './definitions.ts'
import { keepStart } from './freezing.ts'
import { instanceDirectory, removeDirectory } from './instance-directory.ts'
import { type BottleServices, type LiveBottle, openLiveBottle } from './live-bottle.ts'

export interface BottleStart {
  readonly row: BottleRow
  readonly definitions: Definitions
  readonly request: StartRequest
  readonly plan: BottlePlan
  readonly backend: SandboxBackend
  readonly credentials: BottleCredentials
  readonly events: EgressEvents
  /** From what a freeze kept in its directory. */
  readonly isResumed: boolean
}

export interface BegunBottle {
  readonly bottle: LiveBottle
  readonly launch: LaunchCommand
  readonly workspacePath: string
}

export async function startBottle(start: BottleStart, services: BottleServices): Promise<BegunBottle> {
  const { row, definitions, request, plan, backend, credentials, events } = start
  const { ledger, instancesPath, nowMs } = services
  await using stack = new AsyncDisposableStack()
  const directory = instanceDirectory(instancesPath, row.id)
  if (start.isResumed) stack.defer(() => directory.removeKeys())
  else {
    await mkdir(directory.path, { mode: 0o700 })
    stack.defer(() => removeDirectory(directory.path))
    await keepStart(directory.path, request)
  }
  const authority = await createCertificateAuthority({ subject: row.id, nowMs, maxLeaves: proxyLimits.maxLeaves })
  await directory.writePlan(plan)
  // Safety: where nothing is contained, the program can read whatever its user can.
  if (backend.contained) await directory.writeKeys(authority)
  const providers = providersOf(definitions.bottle)
  const prompt = promptParts(definitions)
  const opening = new AbortController()
  const sandbox = stack.use(
    await backend.open(
      {
        id: row.id,
        directory: directory.path,
        command: request.command,
        env: { ...environmentFor(start, providers), ...prompt.env },
        workspace: request.workspace,
        readOnlyPaths: request.readOnlyPaths,
        homeFiles: Object.assign(
          gitConfigFile(definitions.bottle.git),
          ...providers.map(({ homeFiles }) => homeFiles),
          prompt.homeFiles,
        ),
        caCertificate: authority.certificate,
        limits: plan.limits,
        nestedSandbox: definitions.bottle.nestedSandbox?.value ?? false,
      },
      opening.signal,
    ),
  )
  await ledger.updateBottle(row.id, { state: 'running', reference: JSON.stringify(sandbox.reference) })
  const bottle = openLiveBottle(
    {
      row,
      plan,
      directory,
      sandbox,
      backend,
      authority,
      credentials,
      events,
      cutMessage: undefined,
    },
    services,
  )
  sandbox.outlive()
  stack.move()
  return { bottle, launch: sandbox.launch, workspacePath: sandbox.workspacePath }
}

/** What the user says wins over the definitions, and these over what a provider's clients want. */
function environmentFor(
  { definitions, request, backend }: BottleStart,
  providers: readonly Provider[],
): Readonly<Record<string, string>> {
  const own = providers.map(({ env, containedEnv }) => ({ ...env, ...(backend.contained && containedEnv) }))
  return Object.assign({}, request.terminalEnvironment, ...own, environmentOf(definitions.bottle, request.env))
}
