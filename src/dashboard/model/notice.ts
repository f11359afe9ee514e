/** What of all that happens the operator is told in a line. */
import { noticeOf } from '../../cli/notices.ts'
import type { ControllerEvent } from '../../controller/api.ts'
import type { Notice } from './state.ts'

export function noticeFrom(event: ControllerEvent): Notice | undefined {
  if (event.kind === 'bottle') {
    const { id, state } = event.bottle
    return state === 'failed' ? { text: `${id} failed`, tone: 'bad', atMs: event.atMs } : undefined
  }
  const text = noticeOf(event)
  if (text === undefined || !('bottleId' in event)) return undefined
  return { text: `${event.bottleId}: ${text}`, tone: toneOf(event), atMs: event.atMs }
}

function toneOf(event: ControllerEvent): Notice['tone'] {
  if (event.kind !== 'enforcement') return 'warn'
  const isHarmless = event.action === 'restore' || event.action === 'resume'
  return isHarmless && event.phase !== 'failed' ? 'good' : 'bad'
}
