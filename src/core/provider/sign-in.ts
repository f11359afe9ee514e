import type { Provider, SignIn } from './provider.ts'

/** The provider with one way to sign in, and no other. */
export function signedIn({ otherSignIns: _, ...provider }: Provider, signIn: SignIn): Provider {
  return { ...provider, ...signIn }
}
