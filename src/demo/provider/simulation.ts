/** What every answer of one simulated provider shares: its options, its caches, its clock. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, AnswerOptions } from './answer.ts'
import type { Call } from './call.ts'
import { generate, type Pace, type Piece } from './generate.ts'
import { createPromptCache, type PromptCache } from './prompt-cache.ts'
import { createSignIn, type SignIn, type SignInOptions } from './sign-in.ts'

export interface Simulation {
  readonly answers: AnswerOptions
  readonly pace: Pace
  readonly cache: PromptCache
  /** When given, every other credential is answered 401, but for what a renewal gave. */
  readonly credential: string | undefined
  readonly signIn: SignIn
  readonly now: () => number
}

export interface SimulationOptions extends Partial<AnswerOptions>, Partial<Pace>, SignInOptions {
  readonly credential?: string
  readonly now?: () => number
}

export function createSimulation(options: SimulationOptions): Simulation {
  const { script = [], outputTokens, reasoningTokens = 24, credential, now = Date.now } = options
  const { tokensPerDelta = 4, deltaIntervalMs = 0, wait = sleepUnlessAborted } = options
  return {
    answers: { script, outputTokens, reasoningTokens },
    pace: { tokensPerDelta, deltaIntervalMs, wait },
    cache: createPromptCache(),
    credential,
    signIn: createSignIn(options),
    now,
  }
}

export function piecesOf(answer: Answer, { pace }: Simulation, { signal }: Pick<Call, 'signal'>): AsyncIterable<Piece> {
  return generate(answer, pace, signal)
}

/** The credential that a request brings, without its scheme. */
export function credentialOf({ entry }: Pick<Call, 'entry'>): string | undefined {
  const { authorization, 'x-api-key': apiKey, 'x-goog-api-key': googleKey } = entry.credentials
  return apiKey ?? googleKey ?? authorization?.replace(/^Bearer +/i, '')
}

export function isAuthorized(call: Pick<Call, 'entry'>, { credential, signIn }: Simulation): boolean {
  const given = credentialOf(call)
  return credential === undefined ? given !== undefined && given !== '' : given === credential || signIn.accepts(given)
}

function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal })
}
