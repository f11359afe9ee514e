/** Serves the log of a simulated provider to tests in other processes, on a loopback port of its own. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SimulatedProvider } from './simulated-provider.ts'

export interface Control extends AsyncDisposable {
  readonly port: number
}

export async function startControl(provider: SimulatedProvider): Promise<Control> {
  const server = createServer((request, response) => {
    request.resume()
    if (request.method !== 'GET' || request.url !== '/served') return response.writeHead(404).end()
    const { served, connectionCount } = provider
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ served, connectionCount }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
