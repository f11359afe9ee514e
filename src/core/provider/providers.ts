import { claude } from './claude.ts'
import { codex } from './codex.ts'
import { gemini } from './gemini.ts'
import type { Provider } from './provider.ts'

/** The providers that exist without any file. */
export const builtInProviders: readonly Provider[] = [claude, codex, gemini]
