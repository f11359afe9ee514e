/** The command line of the simulated provider. Throws plain errors whose message is for whoever typed it. */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import type { ScriptedTurn } from './answer.ts'
import type { ServerCertificate } from './certificates.ts'
import { codingJob } from './coding-job.ts'
import { parseFailure } from './failure.ts'
import type { SimulatedProviderOptions } from './simulated-provider.ts'

const flags = {
  port: { type: 'string', default: '0' },
  /** Time before each delta of a stream. */
  'delta-interval-ms': { type: 'string', default: '0' },
  'tokens-per-delta': { type: 'string', default: '4' },
  /** Length of unscripted answers. */
  'output-tokens': { type: 'string' },
  'reasoning-tokens': { type: 'string', default: '24' },
  /** `coding-job`, or a JSON file with a list of `{ text, toolCall?: { name, input } }`. */
  script: { type: 'string' },
  /** `http:STATUS`, `reset:TOKENS`, `end:TOKENS` or `error-event:TOKENS`, for every request. */
  fail: { type: 'string' },
  /** Keeps the bodies of requests in the log. */
  'keep-bodies': { type: 'boolean', default: false },
  /** Answers every upgrade to a WebSocket with 426. */
  'no-websockets': { type: 'boolean', default: false },
  /** The only credential that is accepted. */
  credential: { type: 'string' },
  /** What a sign-in can be renewed by at first, for how long its tokens are good, and how renewals go. */
  'refresh-token': { type: 'string' },
  'token-lifetime-seconds': { type: 'string', default: '28800' },
  'renewal-delay-ms': { type: 'string', default: '0' },
  'renewal-status': { type: 'string' },
  /** PEM files; all three or none. */
  certificate: { type: 'string' },
  key: { type: 'string' },
  ca: { type: 'string' },
} as const

export async function parseFlags(args: readonly string[]): Promise<SimulatedProviderOptions> {
  const { values } = parseArgs({ args: [...args], options: flags, strict: true })
  const outputTokens = values['output-tokens']
  const certificate = await readCertificate(values)
  const failure = values.fail === undefined ? undefined : parseFailure(values.fail)
  if (values.fail !== undefined && failure === undefined) {
    throw new Error(`--fail must be http:STATUS, reset:TOKENS, end:TOKENS or error-event:TOKENS, not "${values.fail}"`)
  }
  return {
    port: wholeNumber('port', values.port),
    deltaIntervalMs: wholeNumber('delta-interval-ms', values['delta-interval-ms']),
    tokensPerDelta: Math.max(1, wholeNumber('tokens-per-delta', values['tokens-per-delta'])),
    webSockets: !values['no-websockets'],
    keepsBodies: values['keep-bodies'],
    reasoningTokens: wholeNumber('reasoning-tokens', values['reasoning-tokens']),
    ...(outputTokens === undefined ? {} : { outputTokens: wholeNumber('output-tokens', outputTokens) }),
    ...(values.script === undefined ? {} : { script: await readScript(values.script) }),
    ...(values.credential === undefined ? {} : { credential: values.credential }),
    ...(values['refresh-token'] === undefined ? {} : { refreshToken: values['refresh-token'] }),
    tokenLifetimeSeconds: wholeNumber('token-lifetime-seconds', values['token-lifetime-seconds']),
    renewalDelayMs: wholeNumber('renewal-delay-ms', values['renewal-delay-ms']),
    ...(values['renewal-status'] === undefined
      ? {}
      : { renewalStatus: wholeNumber('renewal-status', values['renewal-status']) }),
    ...(failure === undefined ? {} : { fail: () => failure }),
    ...(certificate === undefined ? {} : { certificate }),
  }
}

function wholeNumber(flag: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new Error(`--${flag} must be a whole number, not "${value}"`)
  return Number(value)
}

const scriptSchema = z.array(
  z.strictObject({
    text: z.string(),
    toolCall: z
      .strictObject({ name: z.string(), input: z.union([z.string(), z.record(z.string(), z.unknown())]) })
      .optional(),
  }),
)

async function readScript(nameOrPath: string): Promise<readonly ScriptedTurn[]> {
  if (nameOrPath === 'coding-job') return codingJob
  const turns = scriptSchema.parse(JSON.parse(await readFile(nameOrPath, 'utf8')))
  return turns.map(({ text, toolCall }) => (toolCall === undefined ? { text } : { text, toolCall }))
}

async function readCertificate(paths: {
  readonly certificate?: string | undefined
  readonly key?: string | undefined
  readonly ca?: string | undefined
}): Promise<ServerCertificate | undefined> {
  const { certificate, key, ca } = paths
  if (certificate === undefined && key === undefined && ca === undefined) return undefined
  if (certificate === undefined || key === undefined || ca === undefined) {
    throw new Error('--certificate, --key and --ca belong together')
  }
  const [certificatePem, keyPem, caPem] = await Promise.all(
    [certificate, key, ca].map((path) => readFile(path, 'utf8')),
  )
  return { certificate: certificatePem ?? '', key: keyPem ?? '', caCertificate: caPem ?? '' }
}
