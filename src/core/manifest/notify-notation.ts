/** `notify`: who is told when a budget runs low, and when something was done about it. */
import { key, list, mapping, requiredKey } from './collection-notations.ts'
import { commandOf, secret } from './http-notations.ts'
import { converted, type Notation, wrong } from './notation.ts'
import { oneOf, truth } from './scalar-notations.ts'

export const notifyEvents = ['warning', 'cutoff', 'freeze', 'kill', 'restore', 'resume', 'restart', 'limit'] as const

export type NotifyEvent = (typeof notifyEvents)[number]

export interface Notify {
  readonly command: readonly [string, ...string[]] | null
  readonly webhook: Webhook | null
  /** By `notify-send`. */
  readonly desktop: boolean
  /** In the terminal of `start` and `run`. */
  readonly bell: boolean
  readonly events: readonly NotifyEvent[]
}

export interface Webhook {
  readonly url: URL
  /** Where the host keeps what the notifications are signed with. */
  readonly secret: string | null
}

export const noNotify: Notify = { command: null, webhook: null, desktop: false, bell: false, events: notifyEvents }

export function isAnybodyTold({ command, webhook, desktop, bell }: Notify): boolean {
  return command !== null || webhook !== null || desktop || bell
}

/** Where the host itself sends something. */
export const hostUrl: Notation<URL> = {
  read(node, reading) {
    // Safety: what is written is never shown, since the path of a webhook is often its secret.
    if (node.kind !== 'scalar' || !URL.canParse(node.text)) {
      return wrong(node, reading, 'expected a URL such as https://hooks.example.com/bottles')
    }
    const url = new URL(node.text)
    if (url.username !== '' || url.password !== '')
      return wrong(node, reading, 'a URL here has no user and no password')
    if (url.hash !== '') return wrong(node, reading, 'a URL here has no #fragment')
    if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return url
    return wrong(node, reading, 'only https:// is possible, and http:// to this host (127.0.0.1, [::1], localhost)')
  },
  print: ({ href }) => href,
  schema: { type: 'string', pattern: '^(https://|http://(localhost|127\\.[0-9.]+|\\[::1\\])(:|/|$))[^#]*$' },
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

export const webhookKeys = {
  url: requiredKey('https://…, or http://… to this host. Redirects are not followed.', hostUrl),
  secret: key('Signs what is sent: env:NAME, file:PATH or command:…. Default: it is not signed.', secret),
}

export const notifyKeys = {
  command: key('A program and its arguments, run on the host.', commandOf('a program such as logger')),
  webhook: key('Where each event is sent as JSON.', mapping(webhookKeys)),
  desktop: key('Whether notify-send shows it on the desktop. Default: false.', truth),
  bell: key('Whether the terminal of start and run rings. Default: false.', truth),
  events: key(
    'What is told. Default: all of these.',
    list(oneOf(notifyEvents), { of: 'events', minItems: 1, maxItems: notifyEvents.length }),
  ),
}

export const notifyNotation = converted(mapping(notifyKeys), {
  from({ webhook, ...said }, node, reading): Notify | undefined {
    const notify = {
      ...noNotify,
      ...said,
      ...(webhook && { webhook: { url: webhook.url, secret: webhook.secret ?? null } }),
    }
    if (isAnybodyTold(notify)) return notify
    return wrong(node, reading, 'nobody is told; give "command", "webhook", "desktop: true" or "bell: true"')
  },
  to: ({ command, webhook, ...said }) => ({
    ...said,
    ...(command && { command }),
    ...(webhook && { webhook: { url: webhook.url, ...(webhook.secret !== null && { secret: webhook.secret }) } }),
  }),
})
