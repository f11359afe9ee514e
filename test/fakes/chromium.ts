/** A headless Chromium, driven over a pair of pipes: what a page shows, and everything that it says or asks for. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

export interface Chromium extends AsyncDisposable {
  open(url: string, how?: { readonly widthPixels?: number; readonly isDark?: boolean }): Promise<Page>
}

export interface Page {
  /** The value of an expression in the page; a promise is waited for. */
  evaluate<Value>(expression: string): Promise<Value>
  /** URLs of all that the page asked for, itself apart. */
  readonly requests: readonly string[]
  /** What is on the console, and what was thrown. */
  readonly complaints: readonly string[]
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly sessionId?: string
  readonly params?: { readonly [name: string]: unknown }
  readonly result?: { readonly [name: string]: unknown }
  readonly error?: { readonly message: string }
}

const names = ['chromium-headless-shell', 'headless_shell', 'chromium', 'chromium-browser', 'google-chrome']

/** `undefined` where none is installed. */
export function findChromium(): string | undefined {
  const paths = names.flatMap((name) => (process.env.PATH ?? '').split(':').map((directory) => join(directory, name)))
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

export async function openChromium(path: string): Promise<Chromium> {
  const profile = await mkdtemp(join(tmpdir(), 'bot-bottle-chromium-'))
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe', `--user-data-dir=${profile}`]
  const child = spawn(path, flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] })
  const [input, output] = [child.stdio[3] as Writable, child.stdio[4] as Readable]
  const waiting = new Map<number, PromiseWithResolvers<NonNullable<Message['result']>>>()
  const listeners = new Map<string, (message: Message) => void>()
  let lastId = 0
  let rest = ''
  output.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\0')
    rest = parts.pop() ?? ''
    for (const part of parts) receive(JSON.parse(part))
  })
  const exited = once(child, 'exit').finally(() => {
    for (const { reject } of waiting.values()) reject(new Error(`${path} ended`))
  })
  function receive(message: Message): void {
    if (message.id === undefined) {
      listeners.get(message.sessionId ?? '')?.(message)
      return
    }
    const call = waiting.get(message.id)
    waiting.delete(message.id)
    if (message.error) call?.reject(new Error(message.error.message))
    else call?.resolve(message.result ?? {})
  }
  function send(method: string, params: object, sessionId?: string): Promise<NonNullable<Message['result']>> {
    const call = Promise.withResolvers<NonNullable<Message['result']>>()
    lastId += 1
    waiting.set(lastId, call)
    input.write(`${JSON.stringify({ id: lastId, method, params, sessionId })}\0`)
    return call.promise
  }
  return {
    async open(url, { widthPixels = 1280, isDark = false } = {}) {
      const { targetId } = await send('Target.createTarget', { url: 'about:blank' })
      const attached = await send('Target.attachToTarget', { targetId, flatten: true })
      const sessionId = String(attached.sessionId)
      const requests: string[] = []
      const complaints: string[] = []
      const loaded = Promise.withResolvers<void>()
      listeners.set(sessionId, ({ method, params }) => {
        const request = params?.request as { readonly url: string } | undefined
        if (method === 'Network.requestWillBeSent' && request && request.url !== url) requests.push(request.url)
        if (
          method === 'Log.entryAdded' ||
          method === 'Runtime.consoleAPICalled' ||
          method === 'Runtime.exceptionThrown'
        )
          complaints.push(JSON.stringify(params))
        if (method === 'Page.loadEventFired') loaded.resolve()
      })
      const call = (method: string, params: object = {}) => send(method, params, sessionId)
      for (const domain of ['Page', 'Network', 'Log', 'Runtime']) await call(`${domain}.enable`)
      await call('Emulation.setDeviceMetricsOverride', {
        ...{ width: widthPixels, height: 900, deviceScaleFactor: 1, mobile: false },
      })
      await call('Emulation.setEmulatedMedia', {
        features: [{ name: 'prefers-color-scheme', value: isDark ? 'dark' : 'light' }],
      })
      await call('Page.navigate', { url })
      await loaded.promise
      return {
        requests,
        complaints,
        async evaluate<Value>(expression: string) {
          const { result, exceptionDetails } = await call('Runtime.evaluate', {
            ...{ expression, returnByValue: true, awaitPromise: true },
          })
          if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails))
          return (result as { readonly value: Value }).value
        },
      }
    },
    async [Symbol.asyncDispose]() {
      await send('Browser.close', {}).catch(() => undefined)
      await exited
      await rm(profile, { recursive: true, force: true })
    },
  }
}
