/**
 * Tells programs, webhooks and the desktop what happens to budgets and bottles: each warning and each outcome of an
 * enforcement, as the settings say when it happens. Every channel has its own queue, so that none waits for another; nobody
 * waits for any of them.
 */
import { createIdSource } from '../../host/ids.ts'
import { createCredential } from '../../host/secrets/credential.ts'
import type { Settings } from '../../host/settings.ts'
import { findTool, searchPathOf } from '../../sandbox/find-tool.ts'
import type { ChannelStatus } from '../api.ts'
import type { EventBus } from '../event-bus.ts'
import { createDeliveryQueue, type DeliveryQueueOptions, UndeliverableError } from './delivery-queue.ts'
import { desktopCommand } from './desktop-command.ts'
import { eventName, type Notification, notableEvent, notificationOf } from './notification.ts'
import { postWebhook } from './post-webhook.ts'
import { runProgram } from './run-program.ts'

export interface NotifierOptions extends Pick<DeliveryQueueOptions, 'nowMs' | 'onFailure' | 'limits'> {
  readonly bus: EventBus
  /** Looked up for each event and attempt. */
  settings(): Pick<Settings, 'notify' | 'upstreamCa'>
  /** Where programs run. */
  readonly directory: string
  /** Of the controller: where `notify-send` and secrets are looked for. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

export interface Notifier extends AsyncDisposable {
  readonly status: readonly ChannelStatus[]
}

/** Disposing ends what runs, and gives up what waits. */
export function createNotifier({ bus, settings, directory, environment, ...rest }: NotifierOptions): Notifier {
  const newId = createIdSource(rest.nowMs)
  const searchPath = searchPathOf(environment)

  const runCommand: Deliver = async (notification, signal) => {
    const { command } = settings().notify
    if (command) await runProgram({ command, input: lineOf(notification), directory, signal })
  }
  const showOnDesktop: Deliver = async (notification, signal) => {
    const program = findTool('notify-send', searchPath)
    if (program === undefined) throw new UndeliverableError('notify-send is not installed')
    await runProgram({ command: desktopCommand(program, notification), input: '', directory, signal })
  }
  const callWebhook: Deliver = async (notification, signal) => {
    const { notify, upstreamCa: extraCa } = settings()
    if (!notify.webhook) return
    const { url, secret: source } = notify.webhook
    const secret = source === null ? null : await readSecret(source)
    await postWebhook({ url, id: notification.id, body: lineOf(notification), secret, extraCa, signal })
  }
  const readSecret = (source: string) =>
    createCredential({
      subject: 'notify.webhook',
      scheme: { kind: 'bearer' },
      sources: [source],
      environment,
      nowMs: rest.nowMs,
    }).read()

  const command = createDeliveryQueue({ channel: 'command', deliver: runCommand, ...rest })
  const webhook = createDeliveryQueue({ channel: 'webhook', deliver: callWebhook, ...rest })
  const desktop = createDeliveryQueue({ channel: 'desktop', deliver: showOnDesktop, ...rest })

  const subscription = bus.subscribe((event) => {
    const notable = notableEvent(event)
    const { notify } = settings()
    if (!notable || !notify.events.includes(eventName(notable))) return
    const notification = notificationOf(notable, newId())
    if (notify.command) command.add(notification)
    if (notify.webhook) webhook.add(notification)
    if (notify.desktop) desktop.add(notification)
  })

  return {
    get status() {
      return [command.status, webhook.status, desktop.status]
    },
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]()
      await Promise.all([command, webhook, desktop].map((queue) => queue[Symbol.asyncDispose]()))
    },
  }
}

type Deliver = DeliveryQueueOptions['deliver']

function lineOf(notification: Notification): string {
  return `${JSON.stringify(notification)}\n`
}
