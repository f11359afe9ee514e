/** The proxy under measurement, with everything on: routes, credentials, meter, budget, durable ledger. */
import { openProxyRig, type ProxyRig } from '../../test/fakes/proxy-rig.ts'

interface Start {
  readonly upstreamPort: number
  readonly upstreamCa: string
}

let rig: ProxyRig | undefined

process.on('message', async (message: Start | 'usage') => {
  if (message === 'usage') {
    global.gc?.()
    process.send?.({ cpu: process.cpuUsage(), rssBytes: process.memoryUsage.rss() })
    return
  }
  rig = await openProxyRig({
    upstreams: new Map([['api.anthropic.com', new URL(`https://127.0.0.1:${message.upstreamPort}`)]]),
    upstreamCa: message.upstreamCa,
    budgets: { claude: Number.MAX_SAFE_INTEGER },
    keepsHistory: false,
  })
  process.send?.({ port: rig.ports.tls, caCertificate: rig.caCertificate })
})
process.once('disconnect', async () => {
  await rig?.[Symbol.asyncDispose]()
  process.exit(0)
})
