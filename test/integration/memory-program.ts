/**
 * A proxy rig in a process of its own, which tells how much memory it takes: forked by a test with an IPC channel, ends with it.
 * It answers each message with one: how it is reached, what it takes at rest, and the most that it took since.
 */
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'

export type Asked =
  | { readonly kind: 'open'; readonly port: number; readonly caCertificate: string }
  /** From here on the peak is watched. */
  | { readonly kind: 'watch' }
  /** Once so many exchanges are settled. */
  | { readonly kind: 'report'; readonly settledCount: number }
  /** What it takes now, without garbage. */
  | { readonly kind: 'rest' }

export interface Opened {
  readonly port: number
  readonly caCertificate: string
}

export interface Report {
  readonly restBytes: number
  readonly peakBytes: number
  readonly sources: readonly string[]
  readonly bugs: readonly string[]
}

const lookEveryMs = 5

let rig: ProxyRig | undefined
let restBytes = 0
let peakBytes = 0
const look = () => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
}

async function answer(asked: Asked): Promise<Opened | Report> {
  if (asked.kind === 'open') {
    rig = await openProxyRig({
      upstreams: new Map([['api.anthropic.com', new URL(`https://127.0.0.1:${asked.port}`)]]),
      upstreamCa: asked.caCertificate,
    })
    setInterval(look, lookEveryMs).unref()
    return { port: rig.ports.tls, caCertificate: rig.caCertificate }
  }
  if (asked.kind === 'watch') {
    global.gc?.()
    restBytes = process.memoryUsage.rss()
    peakBytes = restBytes
  }
  if (asked.kind === 'report') await rig?.settled(asked.settledCount)
  if (asked.kind === 'rest') {
    global.gc?.()
    peakBytes = process.memoryUsage.rss()
  }
  return {
    restBytes,
    peakBytes,
    sources: rig?.settlements.map(({ source }) => source) ?? [],
    bugs: rig?.bugs.map(String) ?? [],
  }
}

process.on('message', async (asked: Asked) => process.send?.(await answer(asked)))
process.once('disconnect', async () => {
  await rig?.[Symbol.asyncDispose]()
  process.exit(0)
})
