/** Installs the controller as a service of the user's systemd, and takes it away again. */
import { execFile } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { BottleError, messageOf } from '../../core/errors.ts'
import type { CliContext } from '../context.ts'
import { systemdUnit, unitName } from './systemd-unit.ts'

const systemctlTimeoutMs = 60_000

export async function installService(context: CliContext, isNow: boolean): Promise<void> {
  refuseWithoutSystemd()
  const path = unitPath(context)
  const program = [process.execPath, realpathSync(process.argv[1] ?? '')] as const
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, systemdUnit({ program, home: context.home, searchPath: context.env.PATH ?? '/usr/bin:/bin' }))
  context.tell(`wrote ${path}`)
  if (!isNow) {
    context.tell(
      `start it now and with your sessions: systemctl --user daemon-reload && systemctl --user enable --now ${unitName}`,
    )
    return context.tell('to have it run while you are not logged in: loginctl enable-linger')
  }
  await systemctl('daemon-reload')
  await systemctl('enable', '--now', unitName)
  context.tell('the controller runs as a service')
}

export async function uninstallService(context: CliContext): Promise<void> {
  refuseWithoutSystemd()
  const path = unitPath(context)
  if (!existsSync(path)) return context.tell(`there is no ${path}`)
  await systemctl('disable', '--now', unitName)
  await rm(path)
  await systemctl('daemon-reload')
  context.tell(`removed ${path}; bottles that live have the next controller started by whoever holds them`)
}

function unitPath({ env }: CliContext): string {
  return join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'systemd/user', unitName)
}

/** As sd_booted(3) tells it. */
function refuseWithoutSystemd(): void {
  if (existsSync('/run/systemd/system')) return
  throw new BottleError('not_found', 'this host is not run by systemd, for which the service is', {
    hint: 'Another service manager can run: bot-bottle controller run --replace',
  })
}

async function systemctl(...words: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)('systemctl', ['--user', ...words], { timeout: systemctlTimeoutMs })
  } catch (cause) {
    throw new BottleError('conflict', `systemctl --user ${words.join(' ')} failed: ${messageOf(cause)}`, {
      hint: 'Without a login session of systemd, run it from one of yours.',
      cause,
    })
  }
}
