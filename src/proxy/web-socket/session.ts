/**
 * A WebSocket between a client and a provider, both open: requests of the client as their turn comes, events of the provider
 * at once. It ends with either side, with a cut, and with silence; what is open then is settled.
 */
import { WebSocket } from 'ws'
import { BottleError } from '../../core/errors.ts'
import { readClientMessage } from '../../core/metering/responses-socket/client-message.ts'
import { readServerEvent, type ServerEvent } from '../../core/metering/responses-socket/server-event.ts'
import {
  noTurns,
  step,
  type TurnAction,
  type TurnInput,
  type Turns,
} from '../../core/metering/responses-socket/turns.ts'
import { plainMessageEvent, spentMessageEvent } from '../../core/provider/socket-refusal.ts'
import { providerHostRules } from '../../core/routing/choose-route.ts'
import type { BodyQuota, BodyShare } from '../body-quota.ts'
import type { ForwardEnd } from '../forward.ts'
import { proxyLimits } from '../limits.ts'
import type { DecidedLine, Metering } from '../ready-request.ts'
import type { BottleSockets } from './bottle-sockets.ts'
import { closeWith, type SocketClose } from './close.ts'
import { createGate } from './gate.ts'
import { createOutlet } from './outlet.ts'
import { openTurn, type Turn, type TurnRequest } from './turn.ts'

export interface SessionOptions extends Metering {
  readonly line: DecidedLine
  readonly client: WebSocket
  /** Paused. */
  readonly upstream: WebSocket
  readonly bodies: BodyQuota
  readonly sockets: BottleSockets
}

type SessionEnd =
  | { readonly kind: 'client_gone' }
  | { readonly kind: 'cut'; readonly message: string }
  | UpstreamGone
  | { readonly kind: 'silence' }

interface UpstreamGone {
  readonly kind: 'upstream_gone'
  readonly why: string
  readonly close: SocketClose
}

/** A request and its share of what the bottle may hold in memory. */
interface HeldRequest extends TurnRequest {
  readonly share: BodyShare
}

/** Resolves when nothing flows any more and all is settled. Never rejects. */
export function runSession(options: SessionOptions): Promise<void> {
  const { client, upstream, egress, verdict, exchange, line, bodies, sockets } = options
  const { promise: ended, resolve: onEnded } = Promise.withResolvers<void>()
  const rules = providerHostRules(egress.routes, line.host)
  const gone = new AbortController()
  let turns: Turns<HeldRequest> = noTurns
  let turn: Turn | undefined
  /** What the ledger was asked or told last. */
  let books = Promise.resolve()
  let silence: NodeJS.Timeout | undefined
  /** The request of the turn may have reached the provider. */
  let wasSent = false
  let isOver = false

  const gate = createGate<Buffer | UpstreamGone>({
    pass: (arrival) => (Buffer.isBuffer(arrival) ? onEvent(arrival) : end(arrival)),
    pause: () => upstream.pause(),
    resume: () => upstream.resume(),
  })
  const toClient = createOutlet(client, { onFull: gate.hold, onRoom: gate.release })
  const toUpstream = createOutlet(upstream, { onFull: () => client.pause(), onRoom: () => client.resume() })

  const onMessage = (bytes: Buffer, isBinary: boolean) => {
    if (isOver) return
    if (isBinary) return refuse(400, 'not_metered', 'only text messages are metered here')
    const message = readClientMessage(bytes, rules)
    if (message.kind === 'ignored') return
    if (message.kind === 'refused') return refuse(400, 'not_metered', message.reason)
    const share = bodies.open()
    if (!share.take(bytes.length)) {
      const reason = `the requests in flight of this bottle hold more than ${proxyLimits.maxBodiesBytes} bytes`
      return refuse(413, 'requests_too_long', reason)
    }
    apply({ kind: 'request', request: { ...message, bytes, share } })
  }
  const onEvent = (bytes: Buffer) => {
    if (isOver) return
    const event = readServerEvent(bytes)
    apply({ kind: 'event', event }, () => pass(event, bytes))
  }

  const apply = (input: TurnInput<HeldRequest>, passEvent = () => {}) => {
    const next = step(turns, input)
    turns = next.turns
    for (const action of next.actions) if (!isOver) perform(action, passEvent)
    awaitMore()
  }
  /** When the ledger has answered, which may be late. */
  const goOn = (input: TurnInput<HeldRequest>) => {
    if (!isOver) apply(input)
  }
  const perform = (action: TurnAction<HeldRequest>, passEvent: () => void) => {
    switch (action.kind) {
      case 'pass':
        return passEvent()
      case 'reserve':
        return work(reserve(action.request))
      case 'send':
        wasSent = upstream.readyState === WebSocket.OPEN
        return toUpstream.send(action.request.bytes, () => action.request.share[Symbol.dispose]())
      case 'settle':
        return work(settle({ kind: 'complete' }).then(() => goOn({ kind: 'settled' })))
      case 'refuse':
        action.request.share[Symbol.dispose]()
        return refuse(429, 'too_many_requests', 'too many requests wait for the response that is open')
      case 'end':
        return end({ kind: 'upstream_gone', why: 'it began a response unasked', close: { code: 1011 } })
    }
  }
  const work = (task: Promise<void>) => {
    books = task.catch((bug: unknown) => {
      egress.onBug(bug)
      end({ kind: 'upstream_gone', why: 'the proxy failed', close: { code: 1011 } })
    })
  }

  const reserve = async (request: HeldRequest) => {
    const onCut = (message: string) => end({ kind: 'cut', message })
    const opening = await openTurn({ egress, verdict, sockets, request, goneSignal: gone.signal, onCut })
    if (opening.kind === 'denied') {
      request.share[Symbol.dispose]()
      tell(opening.event)
      goOn({ kind: 'denied' })
      if (opening.spent) egress.on.spent(opening.spent)
    } else if (isOver) {
      request.share[Symbol.dispose]()
      await opening.turn.settle({ kind: 'unsent' })
    } else {
      turn = opening.turn
      apply({ kind: 'reserved' })
    }
  }
  const settle = async (how: ForwardEnd) => {
    const running = turn
    turn = undefined
    await running?.settle(how)
  }

  /** To the client first, then to the meter (I4). */
  const pass = (event: ServerEvent, bytes: Buffer) => {
    if (client.readyState !== WebSocket.OPEN) return end({ kind: 'client_gone' })
    toClient.send(bytes)
    exchange.traffic.answerBytes += bytes.length
    const decided = turn?.feed(event, bytes)
    if (!decided || event.isTerminal) return
    gate.hold()
    // An end was told to the exchange of the turn already.
    decided.then((extension) => extension === 'go' && gate.release(), egress.onBug)
  }
  /** Refuses a message by policy, and tells the operator. */
  const refuse = (status: number, code: string, reason: string) => {
    egress.on.denied({ method: line.method, host: line.host, path: line.path, status, code, reason })
    tell(plainMessageEvent(status, code, `bot-bottle: ${reason}`))
  }
  const tell = (text: string) => {
    // Whoever sends without reading shall not fill our memory with answers.
    if (toClient.isFull) end({ kind: 'client_gone' })
    else if (client.readyState === WebSocket.OPEN) toClient.send(text)
  }
  const awaitMore = () => {
    clearTimeout(silence)
    if (isOver) return
    const waitMs = turns.phase === 'running' ? proxyLimits.upstreamIdleTimeoutMs : proxyLimits.webSocketIdleMs
    silence = setTimeout(() => end({ kind: 'silence' }), waitMs)
  }

  const end = (how: SessionEnd) => {
    if (isOver) return
    isOver = true
    clearTimeout(silence)
    exchange.signal.removeEventListener('abort', onCut)
    gone.abort()
    for (const { share } of turns.waiting) share[Symbol.dispose]()
    if (turn) books = settle(endOfTurn(how, { host: line.host, wasSent }))
    const isClosed = closed(upstream)
    upstream.terminate()
    const isAnswerAwaited = turns.phase === 'reserving' || turns.phase === 'running' || turns.waiting.length > 0
    if (how.kind === 'cut' && isAnswerAwaited && client.readyState === WebSocket.OPEN) {
      client.send(spentMessageEvent(how.message, exchange.id))
    }
    closeClient(client, how)
    Promise.all([books, isClosed]).then(() => onEnded())
  }
  const onCut = () => end({ kind: 'cut', message: exchange.cutMessage ?? '' })
  const onUpstreamGone = (why: string, close: SocketClose) => gate.push({ kind: 'upstream_gone', why, close })

  client.on('message', (data, isBinary) => onMessage(data as Buffer, isBinary))
  client.on('error', () => end({ kind: 'client_gone' }))
  client.on('close', () => end({ kind: 'client_gone' }))
  upstream.on('message', (data, isBinary) => {
    if (isBinary) onUpstreamGone('it sent a message that is no text', { code: 1011 })
    else gate.push(data as Buffer)
  })
  upstream.on('error', ({ message }) => onUpstreamGone(message, { code: 1011 }))
  upstream.on('close', (code, reason) =>
    onUpstreamGone(`it closed the WebSocket with ${code}`, { code, reason: reason.toString() }),
  )
  exchange.signal.addEventListener('abort', onCut, { once: true })
  awaitMore()
  upstream.resume()
  if (exchange.signal.aborted) onCut()
  return ended
}

function endOfTurn(
  how: SessionEnd,
  { host, wasSent }: { readonly host: string; readonly wasSent: boolean },
): ForwardEnd {
  switch (how.kind) {
    case 'client_gone':
    case 'cut':
      return { kind: how.kind, wasSent }
    case 'silence':
      return { kind: 'upstream_timeout', wasSent, hadHead: true }
    case 'upstream_gone': {
      const error = new BottleError('upstream_failed', `${host} broke off: ${how.why}`)
      return { kind: 'upstream_failed', wasSent, error }
    }
  }
}

function closeClient(client: WebSocket, how: SessionEnd): void {
  // One that broke the protocol was told so already.
  if (how.kind === 'client_gone' && client.readyState === WebSocket.OPEN) client.terminate()
  if (how.kind === 'cut') client.close(1008, 'cut off by bot-bottle')
  if (how.kind === 'silence') client.close(1001)
  if (how.kind === 'upstream_gone') closeWith(client, how.close)
}

function closed(socket: WebSocket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (socket.readyState === WebSocket.CLOSED) resolve()
  else socket.once('close', () => resolve())
  return promise
}
