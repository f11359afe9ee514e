/**
 * One user of the soak: starts bottles one after the other, or resumes frozen ones, and does to each what the seed says. Whatever
 * a user may see while controllers die is no problem here; what must not be is looked for by `look-around.ts`.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ControllerClient } from '../../src/controller/client.ts'
import { BottleError, messageOf } from '../../src/core/errors.ts'
import type { Command } from '../fakes/command.ts'
import type { SeenExchange } from '../fakes/load-clients.ts'
import type { SeededRandom } from '../fakes/seeded-random.ts'
import type { Journal } from './journal.ts'
import type { SoakHost } from './soak-host.ts'

/** Bottles that were frozen, with the names under which they began. */
export type FrozenBottles = Map<string, readonly string[]>

export interface Visit {
  readonly host: SoakHost
  readonly random: SeededRandom
  readonly journal: Journal
  /** Begins the names of all its exchanges. */
  readonly name: string
  readonly frozen: FrozenBottles
  readonly seen: SeenExchange[]
  readonly commands: Command[]
  readonly isOver: () => boolean
}

interface Held {
  readonly id: string
  readonly names: readonly string[]
  readonly command: Command
}

export async function visit(visiting: Visit): Promise<void> {
  for (let number = 0; !visiting.isOver(); number++) {
    const held = await begin(visiting, `${visiting.name}${number}`)
    if (held) await live(held, visiting)
  }
}

async function begin(visiting: Visit, name: string): Promise<Held | undefined> {
  const { host, random, journal, frozen, commands, seen } = visiting
  const [id, earlier] = random.below(2) === 0 ? ([...frozen][0] ?? []) : []
  const tokens = String(random.pick([1_500, 6_000, 1_000_000]))
  if (id !== undefined) frozen.delete(id)
  const command = id === undefined ? start(visiting, { name, tokens }) : resume(visiting, { id, name, tokens })
  commands.push(command)
  void command.ended.then(({ stdout, stderr, exitCode }) => {
    seen.push(...exchangesIn(stdout))
    for (const line of stderr.split('\n')) {
      if (/^\s+at |\bbug\b|internal|\w*Error:/.test(line)) journal.problem(`${host.title}: ${name} said: ${stderr}`)
    }
    journal.note(`${name} ended with ${exitCode}: ${stderr.trim().split('\n').at(-1)?.slice(0, 150)}`)
  })
  // Whether one that takes longer than `said` waits ends at all is seen when all comes to rest.
  const began = await command.said(/^began (\S+) (.*)$/m).catch(() => undefined)
  if (!began) {
    journal.note(`${name} did not begin`)
    if (id !== undefined && earlier) await keepIfFrozen(visiting, { id, names: earlier })
    return undefined
  }
  const [, bottleId = '', told = ''] = began
  const names = told.split(' ')
  for (const one of earlier ?? []) {
    if (!names.includes(one)) journal.problem(`${host.title}: ${bottleId} lost what it wrote as ${one}: ${told}`)
  }
  journal.note(`${name} began as ${bottleId} with ${tokens} tokens (${command.pid})`)
  journal.count(id === undefined ? 'started' : 'resumed')
  return { id: bottleId, names, command }
}

interface Beginning {
  readonly name: string
  readonly tokens: string
}

function start({ host, random }: Visit, { name, tokens }: Beginning): Command {
  const shown = host.programPaths.flatMap((path) => ['--read-only', path])
  const policy = random.pick(['cutoff', 'freeze', 'kill'])
  const workspace = random.pick(['layer', 'layer', 'copy', 'none'])
  const program = host.program(1 + random.below(2), random.below(2 ** 31))
  const options = ['--bottle', 'load', '--workspace', workspace, ...shown, '--budget', `claude=${tokens}`]
  return host.start(['run', ...options, '--shutdown', policy, '--', ...program, name])
}

function resume({ host }: Visit, { id, name, tokens }: Beginning & { readonly id: string }): Command {
  // More than it can have used.
  return host.start(['resume', id, '--budget', `claude=${Number(tokens) * 1_000}`, '--', name])
}

async function live(held: Held, visiting: Visit): Promise<void> {
  const { random, journal, isOver } = visiting
  const { id, command } = held
  let hasEnded = false
  const ended = command.ended.then(() => {
    hasEnded = true
  })
  for (let left = 1 + random.below(6); left > 0 && !hasEnded && !isOver(); left--) {
    const [name, act] = random.pick(acts)
    const waitMs = random.below(900)
    await Promise.race([ended, delay(waitMs)])
    if (hasEnded || isOver()) break
    journal.note(`${id}: ${name}`)
    journal.count(name)
    await act(held, visiting).catch((error: unknown) => {
      const code = error instanceof BottleError ? error.code : 'none'
      journal.note(`${id}: ${name}: ${code} ${messageOf(error)}`)
      // A controller that is ending has let go of its ledger.
      if (!expectedCodes.has(code) && !messageOf(error).endsWith(' is closed'))
        journal.problem(`${visiting.host.title}: ${name} ${id}: ${code} ${messageOf(error)}`)
    })
    if (name === 'freeze') await Promise.race([ended, delay(settleMs)])
  }
  if (hasEnded) await keepIfFrozen(visiting, held)
}

/** From the outcome of a freeze to the end of its command. */
const settleMs = 5_000

/** While controllers die and several users act on one bottle. */
const expectedCodes = new Set<string>(['controller_unreachable', 'conflict', 'not_found', 'refused'])

type Act = (held: Held, visiting: Visit) => Promise<unknown>

const byClient =
  (call: (client: ControllerClient, id: string) => Promise<unknown>): Act =>
  async ({ id }, { host }) =>
    call(await host.product.client(), id)

const acts: readonly [readonly [string, Act], ...(readonly [string, Act])[]] = [
  ['cutoff', byClient((client, id) => client.cutoff(id))],
  ['cutoff', byClient((client, id) => client.cutoff(id))],
  [
    'restore',
    byClient((client, id) => client.restore(id, { budgets: [{ provider: 'claude', limitTokens: 10 ** 9 }] })),
  ],
  ['restore', byClient((client, id) => client.restore(id, { budgets: [] }))],
  ['freeze', byClient((client, id) => client.freeze(id))],
  ['freeze', byClient((client, id) => client.freeze(id))],
  ['kill', byClient((client, id) => client.kill(id))],
  [
    'cutoff, freeze and kill at once',
    byClient((client, id) => Promise.allSettled([client.cutoff(id), client.freeze(id), client.kill(id)])),
  ],
  [
    'freeze and restore at once',
    byClient((client, id) => Promise.allSettled([client.freeze(id), client.restore(id, { budgets: [] })])),
  ],
  [
    'lower',
    byClient((client, id) =>
      client.changeBudget({
        scope: `run:${id}`,
        provider: 'claude',
        budget: { limitTokens: 1, period: 'total', always: false },
      }),
    ),
  ],
  ['diff', async ({ id }, { host, commands }) => void commands.push(host.start(['diff', id]))],
  ['end the command', async ({ command }) => command.signal('SIGTERM')],
  ['kill the command', async ({ command }) => command.signal('SIGKILL')],
  [
    'stop the command for a while',
    async ({ command }) => {
      command.signalGroup('SIGSTOP')
      await delay(400)
      command.signalGroup('SIGCONT')
    },
  ],
]

async function keepIfFrozen({ host, frozen }: Visit, { id, names }: Pick<Held, 'id' | 'names'>): Promise<void> {
  const row = await host.product.inLedger((ledger) => ledger.bottle(id))
  if (row?.state === 'frozen') frozen.set(id, names)
}

function exchangesIn(stdout: string): readonly SeenExchange[] {
  // The last line of a killed command may be a part of one.
  const whole = stdout.slice(0, stdout.lastIndexOf('\n') + 1)
  return whole
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as SeenExchange)
}
