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
