/** The proxies of two bottles in one process, as in a controller, with everything on. */
import { openProxyRig } from '../../test/fakes/proxy-rig.ts'

process.once('message', async ({ upstreamPort, upstreamCa }: { upstreamPort: number; upstreamCa: string }) => {
  const options = {
    upstreams: new Map([['api.anthropic.com', new URL(`https://127.0.0.1:${upstreamPort}`)]]),
    upstreamCa,
    budgets: { claude: Number.MAX_SAFE_INTEGER },
    keepsHistory: false,
  }
  const rigs = [
    await openProxyRig({ ...options, bottleId: 'one-1' }),
    await openProxyRig({ ...options, bottleId: 'two-1' }),
  ]
  process.send?.(rigs.map(({ ports, caCertificate }) => ({ port: ports.tls, caCertificate })))
  process.once('disconnect', async () => {
    for (const rig of rigs) await rig[Symbol.asyncDispose]()
    process.exit(0)
  })
})
