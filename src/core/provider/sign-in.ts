import type { Provider, SignIn } from './provider.ts'

/** The provider with one way to sign in, and no other. */
export function signedIn({ otherSignIns: _, ...provider }: Provider, signIn: SignIn): Provider {
  return { ...provider, ...signIn }
}

/** The provider with each way to sign in that is left, the first first. */
export function withEachSignIn(provider: Provider): readonly [Provider, ...Provider[]] {
  const { otherSignIns = [], ...first } = provider
  return [first, ...otherSignIns.map((signIn) => signedIn(first, signIn))]
}

/** The provider as it is at each of its hosts: with the ways to sign in that lead there. */
export function atEachHost(provider: Provider): readonly Provider[] {
  const ways = withEachSignIn(provider)
  const hosts = new Map(ways.flatMap((way) => way.hosts.map((host) => [host.host, host])))
  return [...hosts.values()].flatMap((host) => {
    const [first, ...otherSignIns] = ways.filter((way) => way.hosts.some((one) => one.host === host.host))
    return first ? [{ ...first, hosts: [host], otherSignIns }] : []
  })
}
