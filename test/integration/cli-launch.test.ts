/** `start` and `run` against a controller of the test's own: a real HTTP server on the unix socket of a temporary home. */
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BottleView, ControllerEvent, Plan, StartedBottle, StartRequest } from '../../src/controller/api.ts'
import { prepareHome } from '../../src/host/paths.ts'
import { packageVersion } from '../../src/host/version.ts'
import { until } from '../fakes/until.ts'
import { type CommandOptions, commandLine, startCommandLine } from './command-line.ts'

interface Call {
  readonly path: string
  readonly body: unknown
}

let root = ''
let options: CommandOptions = { home: '' }
let server: Server
let calls: Call[] = []
let session: ServerResponse | undefined
let plan: Plan
let contained = true
let holdsBottle = true
let onSession = () => {}
const notHeld = { code: 'conflict', message: 'bottle "run-x1y2" is not waiting to be held' }

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bot-bottle-launch-'))
  await mkdir(join(root, 'work'))
  options = { home: join(root, 'home'), cwd: join(root, 'work') }
  calls = []
  session = undefined
  contained = true
  holdsBottle = true
  onSession = () => {}
  plan = {
    definitions: [],
    providers: ['claude'],
    command: null,
    installHint: null,
    environmentNames: ['ANTHROPIC_API_KEY'],
    wantsWholeEnvironment: false,
    questions: [],
    notices: [],
  }
  server = createServer(async (request, response) => {
    const path = request.url ?? ''
    const body: unknown = JSON.parse((await text(request)) || 'null')
    calls.push({ path, body })
    if (path.endsWith('/session')) {
      if (!holdsBottle) return void response.writeHead(409).end(JSON.stringify({ error: notHeld }))
      session = response
      response.flushHeaders()
      onSession()
    } else response.end(JSON.stringify(answerTo(path, body)))
  })
  server.listen((await prepareHome(options.home)).socketPath)
  await once(server, 'listening')
})

afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await rm(root, { recursive: true })
})

function answerTo(path: string, body: unknown): unknown {
  if (path === '/v1/status') return { version: packageVersion() }
  if (path === '/v1/plans') return plan
  if (path === '/v1/bottles') return startedBottle(body as StartRequest)
  return {}
}

function startedBottle({ command: [file, ...args] }: StartRequest): StartedBottle {
  const launch = {
    file,
    args,
    env: { PATH: process.env.PATH ?? '', GIVEN: 'by the controller' },
    cwd: join(root, 'work'),
  }
  return { bottle: view('running'), launch, workspacePath: join(root, 'work'), bell: [], notices: [] }
}

function view(state: BottleView['state']): BottleView {
  return {
    id: 'run-x1y2',
    agent: 'run',
    definitions: [],
    state,
    policy: 'cutoff',
    contained,
    detached: false,
    createdAtMs: 0,
    endedAtMs: null,
    exitCode: null,
    budgets: [],
    chargedTokens: 0,
    openExchanges: 0,
    scopes: [],
  }
}

const send = (event: ControllerEvent) => session?.write(`${JSON.stringify(event)}\n`)
const bodyOf = (path: string) => calls.find((call) => call.path === path)?.body

test('the program runs with the environment that the controller gave, and its exit code is passed on', async () => {
  const script = 'echo "$GIVEN, $ANTHROPIC_API_KEY"; exit 7'
  const end = await commandLine(['run', '--', 'sh', '-c', script], { ...options, env: { ANTHROPIC_API_KEY: 'secret' } })
  expect(end).toMatchObject({ exitCode: 7, stdout: 'by the controller, \n' })
  expect(bodyOf('/v1/bottles/run-x1y2/exit')).toEqual({ exitCode: 7 })
})

test('what the user asked for is what the controller is asked for', async () => {
  plan = { ...plan, command: ['sh', '-c'], providers: ['claude', 'codex'] }
  const flags = ['--bottle', 'web', '--bottle', 'db', '--budget', 'codex=5', '--shutdown', 'kill', '--read-only', '.']
  const env = { ANTHROPIC_API_KEY: 'secret', GITHUB_TOKEN: 'other', TERM: 'xterm', LC_ALL: 'C' }
  await commandLine(['start', 'claude', ...flags, '--sandbox', 'none', '--workspace', 'direct', '--', 'true'], {
    ...options,
    env,
  })
  expect(bodyOf('/v1/plans')).toEqual({ agent: 'claude', definitions: ['web', 'db'], projectPath: join(root, 'work') })
  expect(bodyOf('/v1/bottles')).toEqual({
    agent: 'claude',
    definitions: ['web', 'db'],
    projectPath: join(root, 'work'),
    command: [expect.stringMatching(/^\/.*\/sh$/), '-c', 'true'],
    workspace: { kind: 'direct', path: join(root, 'work') },
    readOnlyPaths: [join(root, 'work')],
    learn: false,
    detached: false,
    budgets: [{ provider: 'codex', limitTokens: 5 }],
    policy: 'kill',
    sandbox: 'none',
    hostEnvironment: { ANTHROPIC_API_KEY: 'secret' },
    env: {},
    terminalEnvironment: { TERM: 'xterm', LC_ALL: 'C' },
  })
})

test.each([
  [
    'a program that is not installed',
    ['start', 'claude'],
    1,
    'the program "no-such-agent" was not found on PATH',
    'npm i it',
  ],
  [
    'a budget for one of two providers',
    ['start', 'claude', '--budget', '5'],
    2,
    'names no provider, and the bottle uses claude, codex',
    undefined,
  ],
])('%s ends the command before anything is started', async (_, args, exitCode, message, hint) => {
  plan = { ...plan, command: ['no-such-agent'], installHint: 'npm i it', providers: ['claude', 'codex'] }
  const end = await commandLine(args, options)
  expect(end.exitCode).toBe(exitCode)
  expect(end.stderr).toContain(message)
  if (hint !== undefined) expect(end.stderr).toContain(`  hint: ${hint}\n`)
  expect(bodyOf('/v1/bottles')).toBeUndefined()
})

test('an uncontained bottle is warned of', async () => {
  contained = false
  const { stderr } = await commandLine(['run', '--sandbox', 'none', '--workspace', 'none', '--', 'true'], options)
  expect(stderr).toBe('bot-bottle: this bottle is not contained: its program runs as a plain process of this host\n')
})

/** Runs a program that waits, and resolves once it is running. */
async function startWaiting(script: string) {
  const command = startCommandLine(['run', '--workspace', 'none', '--', 'sh', '-c', `echo running; ${script}`], options)
  if (command.child.stdout === null) throw new Error('no stdout')
  await once(command.child.stdout, 'data')
  return command
}

test('notices are single inert lines on stderr (S16)', async () => {
  const { ended, child } = await startWaiting('exec sleep 60')
  send({
    kind: 'enforcement',
    bottleId: 'run-x1y2',
    action: 'cutoff',
    trigger: 'budget',
    phase: 'intent',
    detail: 'spent\x1b[2J\nnow',
    reason: 'spent',
    atMs: 1,
  })
  send({ kind: 'bottle', bottle: view('killed'), atMs: 1 })
  const { exitCode, stderr } = await ended
  expect(stderr).toBe('bot-bottle: cut off: spent[2J now\n')
  expect(exitCode).toBe(143)
  expect(child.killed).toBe(false)
})

test('when the controller is gone, the session goes on with the next one, which is given the credentials again (S10)', async () => {
  options = { ...options, env: { ANTHROPIC_API_KEY: 'secret' } }
  const { ended } = await startWaiting('until [ -e go ]; do sleep 0.02; done; exit 7')
  const { promise: reopened, resolve } = Promise.withResolvers<void>()
  onSession = resolve
  session?.socket?.destroy()
  await reopened
  await until('the environment is there', () => bodyOf('/v1/bottles/run-x1y2/environment') !== undefined)
  expect(bodyOf('/v1/bottles/run-x1y2/environment')).toEqual({ hostEnvironment: { ANTHROPIC_API_KEY: 'secret' } })
  await writeFile(join(root, 'work/go'), '')
  const { exitCode, stderr } = await ended
  expect(exitCode).toBe(7)
  expect(stderr).toMatch(/^bot-bottle: the controller was gone \(.*\); the next one has taken the bottle up\n$/)
  expect(bodyOf('/v1/bottles/run-x1y2/exit')).toEqual({ exitCode: 7 })
})

test.each([
  ['the next controller does not have the bottle', true],
  ['a bottle is not contained, so that no controller can take it up', false],
])('when %s, the program is ended and the user is told', async (_, isContained) => {
  contained = isContained
  const { ended } = await startWaiting('exec sleep 60')
  holdsBottle = false
  session?.socket?.destroy()
  const { exitCode, stderr } = await ended
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(
    /^bot-bottle: the controller is gone \(.*\), so the bottle has no way out any more: its program is ended\n/m,
  )
})

test.each([
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s ends the program first, reports, and exits as a shell tells it', async (signal, exitCode) => {
  const { ended, child } = await startWaiting('exec sleep 60')
  child.kill(signal)
  expect((await ended).exitCode).toBe(exitCode)
  expect(bodyOf('/v1/bottles/run-x1y2/exit')).toEqual({ exitCode })
})

test('Ctrl-C is the program’s own matter: we wait for it', async () => {
  const { ended, child } = await startWaiting('kill -INT $PPID; exit 5')
  expect((await ended).exitCode).toBe(5)
  expect(child.signalCode).toBeNull()
})
