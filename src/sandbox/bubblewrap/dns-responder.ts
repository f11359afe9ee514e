/** The socket edge of the bottle's name server; what it says is decided in `core/routing/dns-answer.ts`. */
import type { Socket } from 'node:dgram'
import { answerDnsQuery } from '../../core/routing/dns-answer.ts'

/** A program that floods its own resolver gets silence, not our memory. */
const maxQueuedAnswers = 64

export function serveDns(socket: Socket): void {
  socket.on('message', (query, from) => {
    const answer = answerDnsQuery(query)
    if (answer === undefined || socket.getSendQueueCount() > maxQueuedAnswers) return
    // A client that is gone already is no failure of ours.
    socket.send(answer, from.port, from.address, () => {})
  })
  socket.on('error', () => {})
}
