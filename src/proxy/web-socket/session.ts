/**
 * A WebSocket between a client and a provider, both open: requests of the client as their turn comes, events of the provider
 * at once. It ends with either side, with a cut, and with silence; what is open then is settled.
 */
import { WebSocket } from 'ws'
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
import { createGate, type Gate } from './gate.ts'
import { createOutlet, type Outlet } from './outlet.ts'
import { closeClient, endOfTurn, type SessionEnd, type SocketClose, type UpstreamGone } from './session-end.ts'
import { openTurn, type Turn, type TurnRequest } from './turn.ts'

export interface SessionOptions extends Metering {
  readonly line: DecidedLine
  readonly client: WebSocket
  /** Paused. */
  readonly upstream: WebSocket
  readonly bodies: BodyQuota
  readonly sockets: BottleSockets
}

/** A request and its share of what the bottle may hold in memory. */
interface HeldRequest extends TurnRequest {
  readonly share: BodyShare
}

/** What comes from the provider, in its order: its events, and its going. */
type Arrival = Buffer | UpstreamGone

/** Resolves when nothing flows any more and all is settled. Never rejects. */
export function runSession(options: SessionOptions): Promise<void> {
  return new Session(options).ended
}

class Session {
  readonly ended: Promise<void>
  readonly #options: SessionOptions
  readonly #onEnded: () => void
  readonly #gone = new AbortController()
  readonly #gate: Gate<Arrival>
  readonly #toClient: Outlet
  readonly #toUpstream: Outlet
  #turns: Turns<HeldRequest> = noTurns
  /** The one that is running. */
  #turn: Turn | undefined
  /** Its request may have reached the provider. */
  #wasSent = false
  /** What the ledger was asked or told last. */
  #books = Promise.resolve()
  #silence: NodeJS.Timeout | undefined
  #isOver = false

  constructor(options: SessionOptions) {
    const { client, upstream, exchange } = options
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#onEnded = resolve
    const gate = createGate<Arrival>({
      pass: (arrival) => (Buffer.isBuffer(arrival) ? this.#onEvent(arrival) : this.#end(arrival)),
      pause: () => upstream.pause(),
      resume: () => upstream.resume(),
    })
    this.#gate = gate
    this.#toClient = createOutlet(client, { onFull: gate.hold, onRoom: gate.release })
    this.#toUpstream = createOutlet(upstream, { onFull: () => client.pause(), onRoom: () => client.resume() })
    this.#listen()
    exchange.signal.addEventListener('abort', this.#onCut, { once: true })
    this.#awaitMore()
    upstream.resume()
    if (exchange.signal.aborted) this.#onCut()
  }

  #listen() {
    const { client, upstream } = this.#options
    const onClientGone = () => this.#end({ kind: 'client_gone' })
    const onUpstreamGone = (why: string, close: SocketClose) => this.#gate.push({ kind: 'upstream_gone', why, close })
    client.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary))
    client.on('error', onClientGone)
    client.on('close', onClientGone)
    upstream.on('message', (data, isBinary) => {
      if (isBinary) onUpstreamGone('it sent a message that is no text', { code: 1011 })
      else this.#gate.push(data as Buffer)
    })
    upstream.on('error', ({ message }) => onUpstreamGone(message, { code: 1011 }))
    upstream.on('close', (code, reason) =>
      onUpstreamGone(`it closed the WebSocket with ${code}`, { code, reason: reason.toString() }),
    )
  }

  #onMessage(bytes: Buffer, isBinary: boolean) {
    if (this.#isOver) return
    const { egress, line, bodies } = this.#options
    if (isBinary) return this.#refuse(400, 'not_metered', 'only text messages are metered here')
    const message = readClientMessage(bytes, providerHostRules(egress.routes, line.host))
    if (message.kind === 'ignored') return
    if (message.kind === 'refused') return this.#refuse(400, 'not_metered', message.reason)
    const share = bodies.open()
    if (share.take(bytes.length)) return this.#apply({ kind: 'request', request: { ...message, bytes, share } })
    const reason = `the requests in flight of this bottle hold more than ${proxyLimits.maxBodiesBytes} bytes`
    this.#refuse(413, 'requests_too_long', reason)
  }

  #onEvent(bytes: Buffer) {
    if (this.#isOver) return
    const event = readServerEvent(bytes)
    this.#apply({ kind: 'event', event }, () => this.#pass(event, bytes))
  }

  #apply(input: TurnInput<HeldRequest>, pass = () => {}) {
    const { turns, actions } = step(this.#turns, input)
    this.#turns = turns
    for (const action of actions) if (!this.#isOver) this.#perform(action, pass)
    this.#awaitMore()
  }

  /** When the ledger has answered, which may be late. */
  #goOn(input: TurnInput<HeldRequest>) {
    if (!this.#isOver) this.#apply(input)
  }

  #perform(action: TurnAction<HeldRequest>, pass: () => void) {
    switch (action.kind) {
      case 'pass':
        return pass()
      case 'reserve':
        return this.#work(this.#reserve(action.request))
      case 'send':
        return this.#send(action.request)
      case 'settle':
        return this.#work(this.#settle({ kind: 'complete' }).then(() => this.#goOn({ kind: 'settled' })))
      case 'refuse':
        action.request.share[Symbol.dispose]()
        return this.#refuse(429, 'too_many_requests', 'too many requests wait for the response that is open')
      case 'end':
        return this.#end({ kind: 'upstream_gone', why: 'it began a response unasked', close: { code: 1011 } })
    }
  }

  #work(task: Promise<void>) {
    this.#books = task.catch((bug: unknown) => {
      this.#options.egress.onBug(bug)
      this.#end({ kind: 'upstream_gone', why: 'the proxy failed', close: { code: 1011 } })
    })
  }

  async #reserve(request: HeldRequest) {
    const { egress, verdict, sockets, contexts } = this.#options
    const onCut = (message: string) => this.#end({ kind: 'cut', message })
    const opening = await openTurn({
      egress,
      verdict,
      sockets,
      contexts,
      request,
      goneSignal: this.#gone.signal,
      onCut,
    })
    if (opening.kind === 'open' && !this.#isOver) {
      this.#turn = opening.turn
      return this.#apply({ kind: 'reserved' })
    }
    request.share[Symbol.dispose]()
    if (opening.kind === 'open') return opening.turn.settle({ kind: 'unsent' })
    this.#tell(opening.event)
    this.#goOn({ kind: 'denied' })
    if (opening.spent) egress.on.spent(opening.spent)
  }

  #send({ bytes, share }: HeldRequest) {
    this.#wasSent = this.#options.upstream.readyState === WebSocket.OPEN
    this.#toUpstream.send(bytes, () => share[Symbol.dispose]())
  }

  async #settle(how: ForwardEnd) {
    const turn = this.#turn
    this.#turn = undefined
    await turn?.settle(how)
  }

  /** To the client first, then to the meter (I4). */
  #pass(event: ServerEvent, bytes: Buffer) {
    const { client, exchange, egress } = this.#options
    if (client.readyState !== WebSocket.OPEN) return this.#end({ kind: 'client_gone' })
    this.#toClient.send(bytes)
    exchange.traffic.answerBytes += bytes.length
    const decided = this.#turn?.feed(event, bytes)
    if (!decided || event.isTerminal) return
    this.#gate.hold()
    // An end was told to the exchange of the turn already.
    decided.then((extension) => extension === 'go' && this.#gate.release(), egress.onBug)
  }

  /** Refuses a message by policy, and tells the operator. */
  #refuse(status: number, code: string, reason: string) {
    const { egress, line } = this.#options
    egress.on.denied({ method: line.method, host: line.host, path: line.path, status, code, reason })
    this.#tell(plainMessageEvent(status, code, `bot-bottle: ${reason}`))
  }

  #tell(text: string) {
    // Whoever sends without reading shall not fill our memory with answers.
    if (this.#toClient.isFull) this.#end({ kind: 'client_gone' })
    else if (this.#options.client.readyState === WebSocket.OPEN) this.#toClient.send(text)
  }

  #awaitMore() {
    clearTimeout(this.#silence)
    if (this.#isOver) return
    const isRunning = this.#turns.phase === 'running'
    const waitMs = isRunning ? proxyLimits.upstreamIdleTimeoutMs : proxyLimits.webSocketIdleMs
    this.#silence = setTimeout(() => this.#end({ kind: 'silence' }), waitMs)
  }

  readonly #onCut = () => this.#end({ kind: 'cut', message: this.#options.exchange.cutMessage ?? '' })

  #end(how: SessionEnd) {
    if (this.#isOver) return
    this.#isOver = true
    const { client, upstream, exchange, line } = this.#options
    const { phase, waiting } = this.#turns
    clearTimeout(this.#silence)
    exchange.signal.removeEventListener('abort', this.#onCut)
    this.#gone.abort()
    for (const { share } of waiting) share[Symbol.dispose]()
    if (this.#turn) this.#books = this.#settle(endOfTurn(how, { host: line.host, wasSent: this.#wasSent }))
    const isClosed = closed(upstream)
    upstream.terminate()
    const isAnswerAwaited = phase === 'reserving' || phase === 'running' || waiting.length > 0
    if (how.kind === 'cut' && isAnswerAwaited && client.readyState === WebSocket.OPEN) {
      client.send(spentMessageEvent(how.message, exchange.id))
    }
    closeClient(client, how)
    Promise.all([this.#books, isClosed]).then(this.#onEnded)
  }
}

function closed(socket: WebSocket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (socket.readyState === WebSocket.CLOSED) resolve()
  else socket.once('close', () => resolve())
  return promise
}
