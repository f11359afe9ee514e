/** How the two sides of a WebSocket are told of its end, and the ledger. */
import { WebSocket } from 'ws'
import { BottleError } from '../../core/errors.ts'
import type { ForwardEnd } from '../forward.ts'

export type SessionEnd =
  | { readonly kind: 'client_gone' }
  | { readonly kind: 'cut'; readonly message: string }
  | UpstreamGone
  | { readonly kind: 'silence' }

export interface UpstreamGone {
  readonly kind: 'upstream_gone'
  readonly why: string
  readonly close: SocketClose
}

/** What the end is for the response that is open. */
export function endOfTurn(
  how: SessionEnd,
  { host, wasSent }: { readonly host: string; readonly wasSent: boolean },
): ForwardEnd {
  switch (how.kind) {
    case 'client_gone':
    case 'cut':
      return { kind: how.kind, wasSent }
    case 'silence':
      return { kind: 'upstream_timeout', wasSent, hadHead: true }
    case 'upstream_gone': {
      const error = new BottleError('upstream_failed', `${host} broke off: ${how.why}`)
      return { kind: 'upstream_failed', wasSent, error }
    }
  }
}

export function closeClient(client: WebSocket, how: SessionEnd): void {
  // One that broke the protocol was told so already.
  if (how.kind === 'client_gone' && client.readyState === WebSocket.OPEN) client.terminate()
  if (how.kind === 'cut') client.close(1008, 'cut off by bot-bottle')
  if (how.kind === 'silence') client.close(1001)
  if (how.kind === 'upstream_gone') closeWith(client, how.close)
}

/** As one side closed, or as we do: RFC 6455 §7.4. */
export interface SocketClose {
  readonly code: number
  readonly reason?: string
}

const noCode = 1005
const internalError = 1011
const maxReasonBytes = 123

/** Closes a side in the same way as the other one was closed, as far as that can be said. */
function closeWith(socket: WebSocket, { code, reason = '' }: SocketClose): void {
  if (code === noCode) socket.close()
  else socket.close(isSendable(code) ? code : internalError, Buffer.byteLength(reason) <= maxReasonBytes ? reason : '')
}

/** Those that stand for the lack of a close cannot be sent, nor those that nobody may use. */
function isSendable(code: number): boolean {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1013) || (code >= 3000 && code <= 4999)
}
