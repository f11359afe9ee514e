/**
 * Foresees the input of a request, for its hold. The estimate does, unless settings ask for exactness where it matters: when a
 * budget has room for fewer than `tightFactor` such requests, the provider's own counting endpoint is asked, which bills
 * nothing. What is charged is never this count, but what the provider reports with its answer.
 *
 * A count that fails or takes too long refuses nothing: the upper estimate stands in for it.
 */
import type { Readable } from 'node:stream'
import { chargeOf } from '../core/metering/usage.ts'
import { readTokenAnswer, type TokenQuestion, tokenQuestion } from '../core/provider/token-question.ts'
import { decide } from '../core/routing/decide.ts'
import { goneSignal } from './gone-signal.ts'
import { headerValues, upstreamHeaders, withoutCredentialParameters } from './heads.ts'
import type { ForeseenUsage } from './hold.ts'
import { ledgerAnswer } from './ledger-answer.ts'
import { proxyLimits } from './limits.ts'
import { readCredential } from './read-credential.ts'
import type { ReadyRequest } from './ready-request.ts'
import type { AnswerHead } from './upstream-call.ts'

const tightFactor = 3
/** What of the client's head says how the body is to be read, or who asks. */
const countFields = [
  'anthropic-version',
  'anthropic-beta',
  'openai-beta',
  'openai-organization',
  'openai-project',
  'user-agent',
]

type ForeseenInput = Pick<ForeseenUsage, 'inputTokens' | 'upperInputTokens'>

/** `estimate`: what stands where nobody is asked. */
export async function countTokens(ready: ReadyRequest, estimate: ForeseenInput): Promise<ForeseenInput> {
  const { egress, verdict, line, content } = ready
  const { inputTokens, upperInputTokens } = estimate
  const isAsked = egress.preflight === 'exact' && egress.gate !== 'off' && verdict.endpoint !== undefined
  if (!isAsked || !(await isTight(ready, inputTokens))) return { inputTokens, upperInputTokens }
  const question = tokenQuestion(verdict.format, { path: line.path, body: content })
  // Safety (I3): it is asked nothing that the bottle could not ask for free itself.
  const isFree = question && decide(egress, { host: line.host, method: 'POST', path: question.path }).kind === 'free'
  if (!isFree) return { inputTokens, upperInputTokens }
  const counted = (await ask(ready, question)) ?? upperInputTokens
  return { inputTokens: counted, upperInputTokens: counted }
}

/** Some budget that must have room has it for a few such requests only. */
async function isTight({ egress, verdict }: ReadyRequest, inputTokens: number): Promise<boolean> {
  const { governing } = egress.budgetsOf(verdict.provider, egress.nowMs())
  const counters = await ledgerAnswer(Promise.all(governing.map((key) => egress.ledger.counter(key))))
  const neededTokens = chargeOf({ inputTokens }, egress.weights) * tightFactor
  return counters.some(
    ({ limitTokens, settledTokens, reservedTokens }) =>
      limitTokens !== null && limitTokens - settledTokens - reservedTokens < neededTokens,
  )
}

/** `undefined` when no count came. Never rejects but for a missing credential. */
async function ask(ready: ReadyRequest, question: TokenQuestion): Promise<number | undefined> {
  const { egress, exchange, request, response, line, verdict } = ready
  const authorization = await readCredential(ready, { kind: 'provider', provider: verdict.provider })
  if (!authorization) return undefined
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const giveUp = () => resolve(undefined)
  const raw = countFields.flatMap((name) => headerValues(request.rawHeaders, name).flatMap((value) => [name, value]))
  const call = egress.upstream.call(
    {
      host: line.host,
      method: 'POST',
      target: `${question.path}${question.keepsQuery ? withoutCredentialParameters(line.query) : ''}`,
      headers: upstreamHeaders({
        raw: [...raw, 'content-type', 'application/json', 'accept', 'application/json'],
        authorization,
        contentLength: question.body.reduce((total, { length }) => total + length, 0),
        answerCoding: 'none',
      }),
      body: question.body,
    },
    {
      onSent() {},
      onAnswer: (head, body) => void readAnswer(head, body).then(resolve, giveUp),
      onFailed: giveUp,
      onTimeout: giveUp,
    },
  )
  const ends = [exchange.signal, goneSignal(response), AbortSignal.timeout(proxyLimits.tokenCountMs)]
  const end = AbortSignal.any(ends)
  end.addEventListener('abort', giveUp, { once: true })
  if (end.aborted) giveUp()
  const answer = await promise
  end.removeEventListener('abort', giveUp)
  if (answer === undefined) call.abort()
  return answer === undefined ? undefined : readTokenAnswer(verdict.format, answer)
}

async function readAnswer({ statusCode, headers }: AnswerHead, body: Readable): Promise<string | undefined> {
  if (statusCode !== 200 || (headers['content-encoding'] ?? 'identity') !== 'identity') return undefined
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > proxyLimits.maxTokenAnswerBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
