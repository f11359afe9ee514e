/**
 * The default sandbox: Linux namespaces without root. Read this file first; DESIGN §5 says why each part is there.
 *
 * `open` makes, in this order: the files of the bottle, the holder of its namespaces, its listeners, and the command
 * that starts the program. What was made is undone when a later part fails.
 */
import { mkdir, readdir, realpath } from 'node:fs/promises'
import path from 'node:path'
import { BottleError, messageOf } from '../../core/errors.ts'
import { systemBundlePaths, systemTrustStorePaths, writeCaFiles } from '../ca-bundle.ts'
import { caVariables, type Environment } from '../child-environment.ts'
import { searchPathOf } from '../find-tool.ts'
import { homesOfUser } from '../homes-of-user.ts'
import { type InstallPaths, installPathsOf } from '../install-paths.ts'
import type { MountOverlay } from '../layers/open-stack.ts'
import { checkReadOnlyPaths } from '../read-only-paths.ts'
import type { HeldSandbox, Sandbox, SandboxBackend, SandboxSpec } from '../sandbox.ts'
import { checkWorkspace, openHome, openWorkspace, type PrivatePaths, shownPath } from '../workspace.ts'
import { bwrapArguments } from './bwrap-arguments.ts'
import { agentUser, hostEtcArguments, writeEtcFiles } from './etc-files.ts'
import { killHolder, startHolder } from './holder.ts'
import {
  findAbilities,
  findHostTools,
  type HostAbilities,
  type HostTools,
  probeHost,
  unavailable,
} from './host-tools.ts'
import { maxPidsOf, tmpfsBytesOf } from './kernel-limits.ts'
import { type LaunchFiles, launchCommand, writeLaunchFiles } from './launch.ts'
import { type BottleListeners, openListeners } from './listeners.ts'
import { mountOverlay } from './mount-layers.ts'
import { continueProcesses, pauseProcesses } from './pause.ts'
import { type HolderReference, isWhole } from './process-identity.ts'
import { presentProcFiles, systemRootArguments } from './system-root.ts'

export interface BubblewrapOptions {
  /** Where the host's tools are looked for. */
  readonly searchPath?: readonly string[]
}

const caCertificateInside = '/etc/bot-bottle/ca.pem'
const emptyWorkspaceInside = '/workspace'
const standardPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const

export function createBubblewrap({ searchPath = searchPathOf(process.env) }: BubblewrapOptions = {}): SandboxBackend {
  let abilities: Promise<HostAbilities> | undefined
  return {
    name: 'bubblewrap',
    contained: true,
    probe: () => probeHost(searchPath),
    open: async (spec, signal) => {
      const tools = findHostTools(searchPath)
      abilities ??= findAbilities(tools)
      try {
        return await open({ spec, tools, abilities, signal })
      } catch (failure) {
        throw await explain(failure, { spec, searchPath, signal })
      }
    },
    adopt: async (reference, signal) => {
      if (reference.kind !== 'bubblewrap' || !isWhole(reference)) return undefined
      return heldSandbox(await openListeners(findHostTools(searchPath), reference, signal), reference)
    },
    pause: async (reference) => {
      if (reference.kind === 'bubblewrap') await pauseProcesses(reference)
    },
    continue: (reference) => {
      if (reference.kind === 'bubblewrap') continueProcesses(reference)
    },
    sweep: async (reference) => {
      if (reference.kind === 'bubblewrap') await killHolder(reference)
    },
  }
}

interface Opening {
  readonly spec: SandboxSpec
  readonly tools: HostTools
  readonly abilities: Promise<HostAbilities>
  readonly signal: AbortSignal
}

async function open({ spec, tools, abilities, signal }: Opening): Promise<Sandbox> {
  await using undo = new AsyncDisposableStack()
  // Files and namespaces do not need each other, so they are made at the same time. Each undo first waits for its part:
  // one that ended later than the failure of another would stay behind.
  const starting = abilities.then((found) => startHolder(tools, { maxPids: maxPidsOf(spec.limits, found), signal }))
  undo.defer(async () => (await starting.catch(() => undefined))?.kill())
  const listening = starting.then((holder) => openListeners(tools, holder.reference, signal))
  undo.defer(async () => (await listening.catch(() => undefined))?.close())
  const preparing = prepareFiles({
    spec,
    abilities,
    mount: async (directory, layers) => mountOverlay(tools, { holder: (await starting).reference, directory, layers }),
  })
  undo.defer(async () => void (await preparing.catch(() => undefined)))
  const [holder, network, prepared] = await Promise.all([starting, listening, preparing])
  signal.throwIfAborted()
  undo.move()
  // Not the stack's: its second disposal would not wait for the first, and a kill that failed could not be tried again.
  const held = heldSandbox(network, holder.reference)
  return {
    ...held,
    launch: launchCommand({
      tools,
      abilities: await abilities,
      holder,
      files: prepared.files,
      limits: spec.limits,
      command: spec.command,
    }),
    workspacePath: prepared.workspacePath,
    outlive: holder.outlive,
    [Symbol.asyncDispose]: held.kill,
  }
}

function heldSandbox({ listeners, close }: BottleListeners, reference: HolderReference): HeldSandbox {
  return {
    listeners,
    reference,
    leave: close,
    kill() {
      close()
      return killHolder(reference)
    },
  }
}

async function prepareFiles({
  spec,
  abilities,
  mount,
}: {
  readonly spec: SandboxSpec
  readonly abilities: Promise<HostAbilities>
  readonly mount: MountOverlay
}): Promise<{ files: LaunchFiles; workspacePath: string }> {
  const hidden: PrivatePaths = { homes: await homesOfUser(), bottleDirectory: await realpath(spec.directory) }
  const realWorkspace = await checkWorkspace(spec.workspace, hidden)
  const install = installPathsOf(spec.command[0], {
    nodePath: process.execPath,
    hidden: [...hidden.homes, hidden.bottleDirectory],
  })
  const readOnlyPaths = await checkReadOnlyPaths(spec.readOnlyPaths, hidden)
  const own = path.join(spec.directory, 'sandbox')
  await mkdir(own, { recursive: true, mode: 0o700 })
  const [ca, etc, namesInEtc, home] = await Promise.all([
    writeCaFiles(own, spec.caCertificate),
    writeEtcFiles(path.join(own, 'etc'), spec.id),
    readdir('/etc'),
    openHome(spec, mount),
  ])
  // Last and alone: a copy can take long, and must not go on after another part failed.
  const workspace = await openWorkspace(spec, { realPath: realWorkspace, mount })
  const files = await writeLaunchFiles(own, {
    nestedSandbox: spec.nestedSandbox,
    bwrapArguments: bwrapArguments({
      hostname: spec.id,
      systemRoot: systemRootArguments(),
      emptyProcFiles: presentProcFiles(),
      etc: [...hostEtcArguments(namesInEtc), ...etc],
      caBundle: { source: ca.bundlePath, targets: systemBundlePaths },
      trustStore: { source: ca.trustStorePath, targets: systemTrustStorePaths },
      caCertificate: { source: ca.certificatePath, target: caCertificateInside },
      install,
      readOnlyPaths,
      home: home.writablePath,
      workspace: {
        source: workspace.writablePath,
        target: shownPath(spec.workspace, realWorkspace) ?? emptyWorkspaceInside,
      },
      environment: { ...ownEnvironment(install), ...spec.env },
      disableUserns: !spec.nestedSandbox && (await abilities).disableUserns,
      tmpfsBytes: (await abilities).tmpfsSize ? tmpfsBytesOf(spec.limits) : null,
    }),
  })
  return { files, workspacePath: workspace.hostPath }
}

/**
 * No proxy variables: every address leads to the listeners anyway. With them a refused host becomes a refused CONNECT,
 * which some agents retry without end, and servers inside the bottle under any name but localhost would go to the proxy.
 */
function ownEnvironment({ binFolders }: InstallPaths): Environment {
  return {
    HOME: agentUser.home,
    USER: agentUser.name,
    LOGNAME: agentUser.name,
    SHELL: '/bin/bash',
    LANG: 'C.UTF-8',
    TERM: 'xterm-256color',
    PATH: [...binFolders, `${agentUser.home}/.local/bin`, ...standardPath].join(':'),
    ...caVariables({
      certificatePath: caCertificateInside,
      bundlePath: systemBundlePaths[0],
      trustStorePath: systemTrustStorePaths[0],
    }),
  }
}

/** A start that failed although the tools are there: what `doctor` finds wrong with the host is the better explanation. */
async function explain(
  failure: unknown,
  { spec, searchPath, signal }: { spec: SandboxSpec; searchPath: readonly string[]; signal: AbortSignal },
): Promise<unknown> {
  if (failure instanceof BottleError || signal.aborted) return failure
  const broken = (await probeHost(searchPath)).find((finding) => !finding.ok)
  if (broken !== undefined) return unavailable(broken)
  return new BottleError('sandbox_failed', `the sandbox of ${spec.id} could not be opened: ${messageOf(failure)}`, {
    hint: 'Run `bot-bottle doctor` and try again.',
    cause: failure,
  })
}
