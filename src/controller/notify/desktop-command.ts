/** The words of `notify-send` for a notification. */
import type { Notification } from './notification.ts'

export function desktopCommand(program: string, { text, kind }: Notification): readonly [string, ...string[]] {
  const urgency = kind === 'warning' ? 'normal' : 'critical'
  return [program, '--app-name=bot-bottle', `--urgency=${urgency}`, '--', 'bot-bottle', asMarkup(text)]
}

/** Desktops read the body as markup (Desktop Notifications Specification, "Markup"). */
function asMarkup(text: string): string {
  return text
    .replace(/\p{Cc}/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
}
