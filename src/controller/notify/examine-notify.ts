/** What `doctor` says of `notify`: whether each channel could be used now. Nothing is sent. */
import { messageOf } from '../../core/errors.ts'
import type { Notify } from '../../core/manifest/notify-notation.ts'
import { createCredential } from '../../host/secrets/credential.ts'
import { findTool, searchPathOf } from '../../sandbox/find-tool.ts'
import type { Finding } from '../../sandbox/sandbox.ts'

export async function examineNotify(
  { command, webhook, desktop }: Notify,
  { home, environment }: { readonly home: string; readonly environment: NodeJS.ProcessEnv },
): Promise<readonly Finding[]> {
  return [
    ...(command ? [examineProgram('notify.command', { name: command[0], home, environment })] : []),
    ...(webhook ? [await examineWebhook(webhook, environment)] : []),
    ...(desktop ? [examineProgram('notify.desktop', { name: 'notify-send', home, environment })] : []),
  ]
}

interface Program {
  readonly name: string
  readonly home: string
  readonly environment: NodeJS.ProcessEnv
}

function examineProgram(subject: string, { name, home, environment }: Program): Finding {
  const folders = name.includes('/') ? [name.startsWith('/') ? '/' : home] : searchPathOf(environment)
  const found = findTool(name, folders)
  if (found !== undefined) return { subject, ok: true, found }
  return { subject, ok: false, found: `there is no program ${name}`, hint: 'Install it, or give its absolute path.' }
}

async function examineWebhook(
  { url, secret }: NonNullable<Notify['webhook']>,
  environment: NodeJS.ProcessEnv,
): Promise<Finding> {
  const subject = 'notify.webhook'
  if (secret === null) return { subject, ok: true, found: `${url.origin}, unsigned` }
  const scheme = { kind: 'bearer' } as const
  try {
    await createCredential({ subject, scheme, sources: [secret], environment, nowMs: Date.now }).read()
    return { subject, ok: true, found: `${url.origin}, signed` }
  } catch (error) {
    return { subject, ok: false, found: messageOf(error), hint: 'The controller reads it in its own environment.' }
  }
}
