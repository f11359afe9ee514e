/** Bottles that are stopped, kept and gone on with. */
import { chown, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BottleView } from '../../src/controller/api.ts'
import type { AuditEntry } from '../../src/ledger/ledger.ts'
import { typed } from '../fakes/command.ts'
import { modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'
import { testUsers, visiblePaths } from '../fakes/test-user.ts'
import { until } from '../fakes/until.ts'

async function onlyBottle(host: ProductHost): Promise<BottleView> {
  const [bottle, ...others] = await host.json<readonly BottleView[]>(['ps'])
  if (!bottle || others.length > 0) throw new Error('not exactly one bottle is at hand')
  return bottle
}

const auditOf = async (host: ProductHost) =>
  (await host.json<readonly AuditEntry[]>(['audit'])).map(({ action, trigger, phase, step }) =>
    [action, trigger, step ?? phase].join(' '),
  )

/** Long answers at once. */
const quick = ['--output-tokens', '20000', '--delta-interval-ms', '0', '--tokens-per-delta', '100']

const freezeSteps = ['intent', 'pause', 'close', 'snapshot', 'seal', 'done']

/** Shows what is there, changes it, and waits to be frozen. */
const program = `count=$(cat count 2> /dev/null || echo 0); echo "round $count: $(ls -A | tr '\\n' ' ')in $PWD, home $(ls ~ | tr '\\n' ' ')"
echo $((count + 1)) > count; touch "file $count" ~/home-$count; rm -f "file $((count - 1))"; mkdir -p empty-$count; chmod 711 empty-$count
ln -sfn $count link; echo changed >> original; setsid sleep 1000 & trap '' TERM; echo ready; read -r; exit 7`

test.each(testUsers)(
  'a bottle $title goes on from where it was frozen, again and again, as the same bottle (E06, S09)',
  async (user) => {
    await using host = await openProductHost({ user })
    const original = join(host.workspace, 'original')
    await writeFile(original, 'as it was\n')
    if (user.uid !== undefined) await chown(original, user.uid, user.uid)
    let command = host.start(['run', '--bottle', 'claude', '--', 'bash', '-c', program], { input: typed })
    await command.said(/round 0: original in .*, home \n/)
    let id = ''
    for (let round = 1; round <= 3; round++) {
      await command.said(/ready/)
      id = (await onlyBottle(host)).id
      const frozen = await host.run(['freeze', id])
      expect(frozen.stderr).toContain(`${id} is frozen; it goes on with: bot-bottle resume ${id}`)
      const ended = await command.ended
      expect(ended.stderr).toContain(`${id} is frozen`)
      expect(await onlyBottle(host)).toMatchObject({ id, state: 'frozen', exitCode: null })
      expect(await host.leftovers()).toEqual([])
      expect(await readFile(join(host.workspace, 'original'), 'utf8')).toBe('as it was\n')
      expect((await host.run(['diff', id])).stdout).toContain('+changed\n')
      command = host.start(['resume', id], { input: typed })
      const last = round - 1
      const empties = Array.from({ length: round }, (_, index) => `empty-${index} `).join('')
      const homes = Array.from({ length: round }, (_, index) => `home-${index} `).join('')
      await command.said(
        new RegExp(`round ${round}: count ${empties}file ${last} link original in .*, home ${homes}\n`),
      )
    }
    await command.said(/ready/)
    command.type('\n')
    expect(await command.ended).toMatchObject({ exitCode: 7 })
    expect(await host.json(['ps', '--all'])).toMatchObject([{ id, state: 'exited', exitCode: 7 }])
    expect(await auditOf(host)).toEqual(
      Array.from({ length: 3 }, () => [
        ...freezeSteps.map((step) => `freeze operator ${step}`),
        'resume operator intent',
        'resume operator done',
      ]).flat(),
    )
    await host.run(['kill', id])
    expect(await readdir(join(host.home, 'instances'))).toEqual([])
  },
)

/** Counts in a database with a write-ahead log, and says what is committed. Node has SQLite. */
const writer = `
const { DatabaseSync } = require('node:sqlite')
const db = new DatabaseSync('state.db')
db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE IF NOT EXISTS row (n INTEGER PRIMARY KEY, text TEXT)')
const check = db.prepare('PRAGMA integrity_check').get().integrity_check
let n = db.prepare('SELECT coalesce(max(n), 0) AS n FROM row').get().n
console.log('integrity ' + check + ', begins with ' + n + ' of ' + db.prepare('SELECT count(*) AS n FROM row').get().n)
const insert = db.prepare('INSERT INTO row VALUES (?, ?)')
for (;;) { insert.run(++n, 'x'.repeat(2000)); console.log('committed ' + n + '.') }`

test.each(testUsers.map((user, index) => ({ ...user, workspace: ['copy', 'layer'][index] ?? 'layer' })))(
  'a database with a write-ahead log that is written while it is frozen has all that was committed (--workspace $workspace, $title) (E06)',
  async ({ workspace, ...user }) => {
    await using host = await openProductHost({ user })
    const { nodePath } = visiblePaths(host.directory, user)
    await writeFile(join(host.workspace, 'writer.cjs'), writer)
    const words = ['run', '--workspace', workspace, '--', nodePath, 'writer.cjs']
    let command = host.start(words)
    await command.said(/begins with 0 of 0/)
    for (let round = 0; round < 2; round++) {
      await command.said(/committed \d+0\./)
      const { id } = await onlyBottle(host)
      await host.run(['freeze', id])
      const { stdout } = await command.ended
      const [, committed = ''] = stdout.match(/committed (\d+)\.(?!.*committed \d+\.)/s) ?? []
      command = host.start(['resume', id])
      const [, check, last, count] = await command.said(/integrity (.*), begins with (\d+) of (\d+)/)
      expect({ check, isWhole: last === count, isKept: Number(last) >= Number(committed) }).toEqual({
        ...{ check: 'ok', isWhole: true, isKept: true },
      })
    }
    await host.run(['kill', (await onlyBottle(host)).id])
    await command.ended
  },
)

test('a spent budget freezes the bottle, which goes on only with more, and remembers what it used (E01, E07, L17)', async () => {
  await using host = await openProductHost({ settings: 'shutdown: freeze\n', provider: quick })
  const asking = `${modelCallInShell({ prompt: 'a document', documentTokens: 3_500 })}; echo over; read -r`
  const options = ['--bottle', 'claude', '--workspace', 'none', '--budget', '3000']
  const command = host.start(['run', ...options, '--', 'bash', '-c', asking], { input: typed })
  expect((await command.ended).stderr).toMatch(/frozen: .*of 3.?000 claude tokens/)
  const { id, state, chargedTokens } = await onlyBottle(host)
  expect(state).toBe('frozen')
  expect((await auditOf(host)).slice(-1)).toEqual(['freeze budget done'])

  const refused = await host.run(['resume', id])
  expect({ chargedTokens, ...refused }).toMatchObject({
    exitCode: 3,
    stderr: expect.stringMatching(/of 3.?000 claude tokens/),
  })
  expect(refused.stderr).toContain(`bot-bottle resume ${id} --budget claude=N`)
  expect(await onlyBottle(host)).toMatchObject({ id, state: 'frozen' })

  const resumed = host.start(['resume', id, '--budget', '1000000'], { input: typed })
  await resumed.said(/over/)
  const after = await onlyBottle(host)
  expect(after.chargedTokens).toBeGreaterThan(chargedTokens)
  expect(after.budgets).toMatchObject([{ scope: `run:${id}`, limitTokens: 1_000_000 }])
  resumed.type('\n')
  expect((await resumed.ended).exitCode).toBe(0)
})

test('what is frozen stays so over a crash of the controller, and what was tampered with is not taken up', async () => {
  await using host = await openProductHost({})
  const command = host.start(['run', '--', 'bash', '-c', 'echo x > made; echo ready; read -r'], { input: typed })
  await command.said(/ready/)
  const { id } = await onlyBottle(host)
  await host.run(['freeze', id])
  await command.ended
  const { pid } = await host.json<{ readonly pid: number }>(['controller', 'status'])
  process.kill(pid, 'SIGKILL')
  await host.run(['controller', 'status'])
  await until('a controller is there again', async () => (await host.run(['routes', 'learned', id])).exitCode === 0)
  expect(await onlyBottle(host)).toMatchObject({ id, state: 'frozen' })

  const layers = join(host.home, 'instances', id, 'layers', 'workspace')
  const [layer = ''] = (await readdir(layers)).filter((name) => name.startsWith('sealed-') || name === 'tree')
  const made = join(layers, layer, 'made')
  await writeFile(made, 'planted\n')
  const refused = await host.run(['resume', id])
  expect({ exitCode: refused.exitCode, stderr: refused.stderr }).toEqual({
    exitCode: 1,
    stderr: expect.stringContaining('was changed since it was frozen'),
  })
  expect(await onlyBottle(host)).toMatchObject({ state: 'frozen' })
  for (const words of [
    ['cutoff', id],
    ['restore', id],
  ]) {
    expect((await host.run(words)).stderr).toContain('it is frozen')
  }
  expect((await host.run(['freeze', id])).stderr).toContain('was frozen already')
  await host.run(['kill', id])
  expect(await host.json(['ps'])).toEqual([])
  expect((await host.run(['resume', id])).stderr).toContain('is not frozen: it is killed')
})

test.each(testUsers.map((user, index) => ({ ...user, workspace: ['copy', 'layer'][index] ?? 'layer' })))(
  'what a frozen bottle changed (--workspace $workspace, $title) is told, applied and discarded, and it goes on with the rest',
  async ({ workspace, ...user }) => {
    await using host = await openProductHost({ user })
    const script = 'mkdir d; echo 1 > d/one; echo 2 > two; echo 3 > three; echo ready; read -r; ls; cat d/*; read -r'
    const options = ['--workspace', workspace]
    const command = host.start(['run', ...options, '--', 'bash', '-c', script], { input: typed })
    await command.said(/ready/)
    const { id } = await onlyBottle(host)
    await host.run(['freeze', id])
    await command.ended
    expect((await host.run(['diff', id, '--name-status'])).stdout).toBe('A  d/one\nA  three\nA  two\n')
    expect((await host.run(['apply', id, 'three', '--yes'])).stdout).toBe('A  three\n')
    expect(await readdir(host.workspace)).toEqual(['three'])
    expect((await host.run(['discard', id, 'd', '--yes'])).stdout).toBe('A  d/one\n')
    expect((await host.run(['diff', id, '--name-status'])).stdout).toBe('A  two\n')
    const resumed = host.start(['resume', id, '--', 'again'], { input: typed })
    await resumed.said(/ready/)
    expect((await host.run(['kill', id])).stderr).toContain(`${id} is gone`)
    await resumed.ended
  },
)

test('a frozen bottle that is killed while it is being resumed is gone (E10, E11)', async () => {
  await using host = await openProductHost({})
  const command = host.start(['run', '--', 'bash', '-c', 'echo ready; read -r'], { input: typed })
  await command.said(/ready/)
  const { id } = await onlyBottle(host)
  await host.run(['freeze', id])
  await command.ended
  const client = await host.client()
  const asked = { command: ['/bin/true'], budgets: [], hostEnvironment: {}, terminalEnvironment: {} } as const
  const resuming = client.resume(id, asked)
  const isResuming = async () => (await client.audit({ bottle: id })).at(-1)?.action === 'resume'
  await until('it is being resumed', isResuming)
  expect(await client.kill(id)).toMatchObject({ changed: true, bottle: { state: 'killed' } })
  expect(await resuming).toMatchObject({ bottle: { id } })
  expect(await host.json(['ps', '--all'])).toMatchObject([{ id, state: 'killed' }])
  expect(await readdir(join(host.home, 'instances'))).toEqual([])
  expect(await host.leftovers()).toEqual([])
  expect((await auditOf(host)).at(-1)).toBe('kill operator done')
  await expect(client.resume(id, asked)).rejects.toThrow('it is killed')
  expect((await client.kill(id)).changed).toBe(false)
})

test('of two that resume a bottle at once, one has it (E11)', async () => {
  await using host = await openProductHost({})
  const command = host.start(['run', '--', 'bash', '-c', 'echo ready; read -r'], { input: typed })
  await command.said(/ready/)
  const { id } = await onlyBottle(host)
  await host.run(['freeze', id])
  await command.ended
  const resumed = [0, 1].map(() => host.start(['resume', id], { input: typed }))
  const [loser] = await Promise.race(resumed.map(async (one) => [one, await one.ended] as const))
  expect((await loser.ended).stderr).toMatch(/is not frozen: it is (?:starting|running)/)
  const winner = resumed.find((one) => one !== loser)
  await winner?.said(/ready/)
  winner?.type('\n')
  expect((await winner?.ended)?.exitCode).toBe(0)
})

test('an uncontained bottle is not started with a policy that cannot be kept', async () => {
  await using host = await openProductHost({})
  const { exitCode, stderr } = await host.run(['run', '--sandbox', 'none', '--shutdown', 'freeze', '--', 'true'])
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('cannot be frozen') })
})
