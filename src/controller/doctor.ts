/** What `doctor` looks at: everything that a start needs, without starting anything or leaving a file. */
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { BottleError, messageOf } from '../core/errors.ts'
import { builtInProviders } from '../core/provider/providers.ts'
import { hostPaths } from '../host/paths.ts'
import { readSettings } from '../host/settings.ts'
import { createBubblewrap } from '../sandbox/bubblewrap/bubblewrap.ts'
import { findHostTools } from '../sandbox/bubblewrap/host-tools.ts'
import { examineOverlay } from '../sandbox/bubblewrap/mount-layers.ts'
import { searchPathOf } from '../sandbox/find-tool.ts'
import type { Finding } from '../sandbox/sandbox.ts'
import { connectController } from './client.ts'
import { examineCredential } from './examine-credential.ts'
import { examineMetrics } from './metrics/examine-metrics.ts'
import { examineNotify } from './notify/examine-notify.ts'
import { examineSharedLedger } from './shared-ledger.ts'
import { examineUpstreamProxy } from './upstream-proxy.ts'

export async function examineHost({ home }: { readonly home: string }): Promise<readonly Finding[]> {
  const here = { environment: process.env, nowMs: Date.now() }
  const own = [
    { subject: 'Node', ok: true, found: process.versions.node },
    await examineHome(home),
    ...(await examineSettings(home)),
    await examineController(home),
    ...(await Promise.all(builtInProviders.map((provider) => examineCredential(provider, here)))),
  ]
  const sandbox = await createBubblewrap().probe()
  return [...own, ...sandbox, ...(sandbox.every(({ ok }) => ok) ? [await examineLayers(home)] : [])]
}

/** Where the bottles' layers will lie; before the first start the home's file system is not known. */
async function examineLayers(home: string): Promise<Finding> {
  const tools = findHostTools(searchPathOf(process.env))
  return examineOverlay(tools, existsSync(home) ? home : tmpdir())
}

async function examineHome(home: string): Promise<Finding> {
  const subject = 'home'
  try {
    const { mode, uid } = await stat(home)
    const isOwn = uid === process.getuid?.()
    if (isOwn && (mode & 0o022) === 0) return { subject, ok: true, found: home }
    const found = isOwn ? `${home} can be written by others` : `${home} belongs to user ${uid}`
    return { subject, ok: false, found, hint: `chmod go-w ${home}, or set BOT_BOTTLE_HOME to a directory of your own.` }
  } catch {
    return { subject, ok: true, found: `${home} (made by the first start)` }
  }
}

async function examineSettings(home: string): Promise<readonly Finding[]> {
  const subject = 'settings.yml'
  try {
    const settings = await readSettings({ home, providers: builtInProviders.map(({ name }) => name) })
    const { budgets, notify } = settings
    const limits = budgets.map(({ provider, limitTokens }) => `${provider} ${limitTokens}`)
    const found = limits.length > 0 ? `budgets: ${limits.join(', ')}` : 'no budget for this host'
    return [
      { subject, ok: true, found },
      ...(await examineUpstreamProxy(settings, process.env)),
      ...(await examineSharedLedger(settings, process.env)),
      ...(await examineNotify(notify, { home, environment: process.env })),
      ...(await examineMetrics(settings.metrics, process.env)),
    ]
  } catch (error) {
    return [{ subject, ok: false, found: messageOf(error), hint: `Mend ${hostPaths(home).settingsPath}.` }]
  }
}

async function examineController(home: string): Promise<Finding> {
  const subject = 'controller'
  try {
    const { pid, version } = await (await connectController({ home, start: false })).status()
    return { subject, ok: true, found: `running (pid ${pid}, version ${version})` }
  } catch (error) {
    const isAbsent = error instanceof BottleError && error.code === 'controller_unreachable'
    if (isAbsent) return { subject, ok: true, found: 'not running (the first start brings it)' }
    return { subject, ok: false, found: messageOf(error), hint: 'Restart it with: bot-bottle controller stop --force' }
  }
}
