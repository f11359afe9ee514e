import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { codingJob } from '../../src/demo/provider/coding-job.ts'
import { codingJobFiles } from '../../src/demo/provider/coding-job-files.ts'
import { startSimulatedProvider } from '../../src/demo/provider/simulated-provider.ts'
import { startHttpUpstream } from '../fakes/raw-upstream.ts'

let workspace: string
beforeEach(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'bot-bottle-agent-'))
  for (const [name, content] of Object.entries(codingJobFiles)) await writeFile(join(workspace, name), content)
})
afterEach(() => rm(workspace, { recursive: true }))

async function runAgent({ port, caCertificate }: { readonly port: number; readonly caCertificate: string }) {
  const ca = join(workspace, 'ca.pem')
  await writeFile(ca, caCertificate)
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../src/demo/agent.ts', import.meta.url))], {
    cwd: workspace,
    env: {
      PATH: process.env.PATH,
      ANTHROPIC_API_KEY: 'key-of-the-agent',
      ANTHROPIC_BASE_URL: `https://127.0.0.1:${port}`,
      NODE_EXTRA_CA_CERTS: ca,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const [exitCode] = await once(child, 'close')
  return { exitCode, output }
}

const budgetError = {
  type: 'error',
  error: { type: 'billing_error', message: 'budget exhausted' },
  request_id: 'req_1',
}

test('the agent does the job with its tools and ends with 0', async () => {
  await using provider = await startSimulatedProvider({ script: codingJob })
  const { exitCode, output } = await runAgent(provider)
  expect(output).toMatch(/5 passed, 2 failed[\s\S]*7 passed, 0 failed[\s\S]*The port is done/)
  expect(exitCode).toBe(0)
  expect(await readFile(join(workspace, 'NOTES.md'), 'utf8')).toContain('IniError')
  expect(provider.served.map(({ end }) => end)).toEqual(codingJob.map(() => 'complete'))
  expect(provider.served.at(-1)?.reported.cacheReadTokens).toBeGreaterThan(1_000)
})

test('a refusal ends the agent after one call, and it prints what it read', async () => {
  await using upstream = await startHttpUpstream((request, response) => {
    request.resume()
    response
      .writeHead(402, { 'content-type': 'application/json', 'x-should-retry': 'false' })
      .end(JSON.stringify(budgetError))
  })
  const { exitCode, output } = await runAgent(upstream)
  expect(output).toContain('API error: status 402, type billing_error: budget exhausted')
  expect(exitCode).toBe(1)
  expect(upstream.requestCount).toBe(1)
})

test('an error in a stream makes the agent ask once more, and then it gives up', async () => {
  await using upstream = await startHttpUpstream((request, response) => {
    request.resume()
    response
      .writeHead(200, { 'content-type': 'text/event-stream' })
      .end(`event: error\ndata: ${JSON.stringify(budgetError)}\n\n`)
  })
  const { exitCode, output } = await runAgent(upstream)
  expect(output.match(/API error: status none \(in the stream\), type billing_error: budget exhausted/g)).toHaveLength(
    2,
  )
  expect(exitCode).toBe(1)
  expect(upstream.requestCount).toBe(2)
})
