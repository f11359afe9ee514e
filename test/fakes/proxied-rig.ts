/** A rig whose only way to its upstream is a company's proxy: no name of it resolves here. */
import { type ForwardProxy, type ForwardProxyOptions, startForwardProxy } from './forward-proxy.ts'
import { openProxyRig, type ProxyRig, type ProxyRigOptions } from './proxy-rig.ts'
import type { Upstream } from './raw-upstream.ts'

/** Of a plain route. */
export const proxiedHost = 'www.example.org'

export interface ProxiedOptions extends Partial<ForwardProxyOptions> {
  /** What the host's settings say. */
  readonly secret?: string
  readonly direct?: NonNullable<ProxyRigOptions['upstreamProxy']>['direct']
  /** What the DNS of this host says; by default nothing. */
  readonly addresses?: readonly string[]
  readonly rig?: Partial<ProxyRigOptions>
}

/** Both are the stack's. */
export async function openProxiedRig(
  stack: AsyncDisposableStack,
  upstream: Pick<Upstream, 'port' | 'caCertificate'>,
  { secret, direct = [], addresses = [], rig: rigOptions, ...options }: ProxiedOptions = {},
): Promise<{ readonly proxy: ForwardProxy; readonly rig: ProxyRig }> {
  const proxy = stack.use(await startForwardProxy({ leadTo: () => upstream.port, ...options }))
  const rig = stack.use(
    await openProxyRig({
      upstreams: new Map(),
      upstreamCa: `${upstream.caCertificate}\n${proxy.caCertificate}`,
      routes: [{ host: proxiedHost }],
      budgets: { claude: 100_000, codex: 100_000 },
      upstreamProxy: {
        url: proxy.url,
        direct,
        ...(secret !== undefined && { credential: () => secret }),
        resolve: async () => addresses,
      },
      ...rigOptions,
    }),
  )
  return { proxy, rig }
}
