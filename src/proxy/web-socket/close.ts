import type { WebSocket } from 'ws'

/** As one side closed, or as we do: RFC 6455 §7.4. */
export interface SocketClose {
  readonly code: number
  readonly reason?: string
}

const noCode = 1005
const internalError = 1011
const maxReasonBytes = 123

/** Closes a side in the same way as the other one was closed, as far as that can be said. */
export function closeWith(socket: WebSocket, { code, reason = '' }: SocketClose): void {
  if (code === noCode) socket.close()
  else socket.close(isSendable(code) ? code : internalError, Buffer.byteLength(reason) <= maxReasonBytes ? reason : '')
}

/** Those that stand for the lack of a close cannot be sent, nor those that nobody may use. */
function isSendable(code: number): boolean {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1013) || (code >= 3000 && code <= 4999)
}
