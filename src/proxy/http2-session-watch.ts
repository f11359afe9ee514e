/**
 * Watches what a client's HTTP/2 session costs beside its requests. Frames that a client can send for nothing, and for ever
 * (pings, settings, resets of what it just asked for: CVE-2019-9512, CVE-2019-9515, CVE-2023-44487), have an allowance; a
 * session beyond it is ended with ENHANCE_YOUR_CALM. An idle one is ended in order.
 */
import { constants, type ServerHttp2Session } from 'node:http2'
import { createAllowance } from './allowance.ts'
import { proxyLimits } from './limits.ts'

export interface SessionWatch {
  streamOpened(): void
  streamClosed(): void
  /** The client did one of the things that it may not do for ever. */
  nuisance(): void
}

export function watchSession(session: ServerHttp2Session, onIdle: () => void): SessionWatch {
  const allowance = createAllowance({ burst: proxyLimits.nuisanceBurst, perSecond: proxyLimits.nuisancesPerSecond })
  let openStreams = 0
  let idleTimer = setTimeout(onIdle, proxyLimits.headTimeoutMs)

  const nuisance = () => {
    if (allowance(performance.now())) return
    session.destroy(new Error('the client sends too much for nothing'), constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }
  session.on('ping', nuisance)
  session.on('remoteSettings', nuisance)
  session.once('close', () => clearTimeout(idleTimer))
  return {
    streamOpened() {
      openStreams += 1
      clearTimeout(idleTimer)
    },
    streamClosed() {
      openStreams -= 1
      if (openStreams === 0 && !session.destroyed) idleTimer = setTimeout(onIdle, proxyLimits.keepAliveTimeoutMs)
    },
    nuisance,
  }
}
