/** The bench's upstream: answers at once, and streams one event a tick. Started by `bench/proxy.ts`, ends with its IPC channel. */
import { createServer } from 'node:https'
import { createServerCertificate } from '../../src/demo/provider/certificates.ts'

const eventIntervalMs = 20
const eventsPerStream = 50

const document = JSON.stringify({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'bench',
  content: [{ type: 'text', text: 'done' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 10, output_tokens: 2 },
})

const certificate = await createServerCertificate({ names: ['api.anthropic.com', '127.0.0.1'] })
const server = createServer({ cert: certificate.certificate, key: certificate.key }, (request, response) => {
  request.resume()
  request.once('end', () => {
    if (request.headers['x-bench'] !== 'stream') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': document.length })
      response.end(document)
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(sse('message_start', { message: { model: 'bench', usage: { input_tokens: 10, output_tokens: 1 } } }))
    let sent = 0
    const timer = setInterval(() => {
      sent += 1
      // The time of sending travels in the event: both ends run on one clock.
      const text = `${process.hrtime.bigint()} a few words of an answer`
      response.write(sse('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }))
      if (sent < eventsPerStream) return
      clearInterval(timer)
      response.write(sse('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 400 } }))
      response.end(sse('message_stop', {}))
    }, eventIntervalMs)
    response.once('close', () => clearInterval(timer))
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  process.send?.({ port, caCertificate: certificate.caCertificate })
})
process.once('disconnect', () => process.exit(0))

function sse(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
}
