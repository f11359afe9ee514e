import { claude } from './claude.ts'
import { codex } from './codex.ts'
import { gemini } from './gemini.ts'
import type { Provider } from './provider.ts'
import { signedIn } from './sign-in.ts'

/** The providers that exist without any file. */
export const builtInProviders: readonly Provider[] = [claude, codex, gemini]

/** Each as it is with each way to sign in. */
export const knownProviders: readonly Provider[] = builtInProviders.flatMap((provider) => [
  provider,
  ...(provider.otherSignIns ?? []).map((signIn) => signedIn(provider, signIn)),
])
