import { claude } from './claude.ts'
import { codex } from './codex.ts'
import { gemini } from './gemini.ts'
import type { Provider } from './provider.ts'
import { withEachSignIn } from './sign-in.ts'

/** The providers that exist without any file. */
export const builtInProviders: readonly Provider[] = [claude, codex, gemini]

/** Each as it is with each way to sign in. */
export const knownProviders: readonly Provider[] = builtInProviders.flatMap(withEachSignIn)
