/**
 * The way of one request. Read this first.
 *
 * strict front → cut? → verdict (metered, free, routed, own, refused) → body → for metered ones: read, estimate, reserve → dial with
 * the real credential → bytes to the client, a copy to the meter → settle. On a plain route bytes pass both ways, unmetered. A
 * WebSocket goes its own way (`web-socket/run-web-socket.ts`); each request on it is metered by the same parts.
 *
 * **Invariant** (I5) Nothing metered is sent to a provider before its reservation is durable.
 * **Invariant** (I9) Whatever throws on the way refuses the request.
 */
import { BottleError } from '../core/errors.ts'
import { plainAnswer } from '../core/provider/refusal.ts'
import { judge } from '../core/routing/judge.ts'
import { failureSentence, give, giveCut, giveEnd, refuse } from './answer.ts'
import type { BodyShare } from './body-quota.ts'
import { headerValues } from './heads.ts'
import { runMetered } from './metered-exchange.ts'
import { giveOwnView } from './own-view.ts'
import { readBody } from './read-body.ts'
import type { DecidedRequest, ExchangeContext, ReadyRequest } from './ready-request.ts'
import { readContent } from './request-content.ts'
import { runRouted } from './routed-exchange.ts'
import { sendUpstream } from './send-upstream.ts'
import { runWebSocket } from './web-socket/run-web-socket.ts'

/** Answers one request. Rejects with a bug after the client was refused, or with a failure that came after its answer. */
export async function runExchange(context: ExchangeContext): Promise<void> {
  using share = context.bodies.open()
  const startedAtMs = context.egress.nowMs()
  let decided: DecidedRequest | undefined
  try {
    decided = decideRequest(context)
    if (!decided) return
    const { verdict } = decided
    if (verdict.kind === 'own') return await giveOwnView(decided)
    if (decided.upgrade && verdict.kind === 'metered')
      return await runWebSocket({ ...decided, verdict, upgrade: decided.upgrade })
    if (verdict.kind === 'routed') return await runRouted({ ...decided, route: verdict.route }, share)
    const ready = await readWhole({ ...decided, verdict }, share)
    if (!ready) return
    if (verdict.kind === 'metered') await runMetered(ready)
    else giveEnd(ready, await sendUpstream(ready))
  } catch (error) {
    const failure =
      error instanceof BottleError ? error : new BottleError('internal', 'the proxy failed on this request')
    const wasAnswered = context.response.headersSent
    give(context.response, plainAnswer(502, failure.code, failureSentence(failure)))
    if (wasAnswered && !context.response.writableEnded) context.response.destroy()
    // What the client cannot be told any more, such as a charge that was not written, is for the operator.
    if (wasAnswered || !(error instanceof BottleError)) throw error
  } finally {
    if (decided) tellPassed(decided, startedAtMs)
  }
}

function tellPassed({ egress, exchange, request, response, line, verdict }: DecidedRequest, startedAtMs: number): void {
  const { wasRefused, isWebSocket, answerBytes } = exchange.traffic
  const answered = response.headersSent ? response.statusCode : null
  if (wasRefused) return
  egress.on.passed?.({
    httpVersion: request.httpVersion,
    method: line.method,
    host: line.host,
    path: line.path,
    verdict: verdict.kind === 'routed' && verdict.isLearned ? 'learned' : verdict.kind,
    status: isWebSocket ? 101 : answered,
    requestBytes: line.bodyBytes ?? null,
    answerBytes,
    tookMs: egress.nowMs() - startedAtMs,
  })
}

/** The verdict on a request, or `undefined` after it was answered here. */
function decideRequest(context: ExchangeContext): DecidedRequest | undefined {
  const { request, line, arrival, egress, exchange, upgrade } = context
  if (line.kind === 'refused') {
    refuse(context, { status: line.status, code: 'bad_request', reason: line.reason })
    return undefined
  }
  if (exchange.cutMessage !== undefined) {
    giveCut(context, line)
    return undefined
  }
  const verdict = judge(egress, {
    ...line,
    isSecure: arrival.isSecure,
    isWebSocket: upgrade !== undefined,
    asksForUpgrade: headerValues(request.rawHeaders, 'upgrade').length > 0,
  })
  if (verdict.kind === 'refused') {
    refuse(context, verdict)
    return undefined
  }
  return { ...context, line, verdict }
}

/** With its body and what that says, or `undefined` after it was answered here. */
async function readWhole(
  decided: DecidedRequest & Pick<ReadyRequest, 'verdict'>,
  share: BodyShare,
): Promise<ReadyRequest | undefined> {
  const body = await readBody(decided, share)
  if (!body) return undefined
  const ready = { ...decided, body: body.chunks, bodyBytes: body.byteLength, content: body.chunks }
  // What is free is not read.
  if (decided.verdict.kind === 'free') return ready
  const content = await readContent({ rawHeaders: decided.request.rawHeaders, body: body.chunks, share })
  if (content.kind === 'content') return { ...ready, content: content.chunks }
  refuse(decided, content.refusal)
  return undefined
}
