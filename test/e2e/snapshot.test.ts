/** Frozen bottles that go on on another host: two homes, two users, two directories. */
import { execFileSync } from 'node:child_process'
import { chmod, chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { BottleView } from '../../src/controller/api.ts'
import { typed } from '../fakes/command.ts'
import { modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost, realKey } from '../fakes/product-host.ts'
import { type TestUser, testUsers } from '../fakes/test-user.ts'

const [here = { title: '' }, there = here] = testUsers

/** What both directories hold. */
async function fill(host: ProductHost, { uid }: TestUser): Promise<void> {
  await mkdir(join(host.workspace, 'd/deep'), { recursive: true })
  for (const name of ['kept', 'gone', 'd/one', 'd/deep/two']) await writeFile(join(host.workspace, name), `${name}\n`)
  if (uid !== undefined) execFileSync('chown', ['-R', `${uid}:${uid}`, host.workspace])
}

const script = `if [ -e made ]; then
  echo "here: $PWD"; find . -printf '%M %n %P %l %s\\n' | sort; cat kept made ~/note; stat -c 'blocks %b' holes; echo over; read -r; exit 5
fi
echo x >> kept; rm gone; rm -r d/deep; mkdir d/deep; echo new > d/deep/three; mkdir -p empty/folder; echo made > made; ln made hard
ln -s /etc/passwd out; echo secret > locked; chmod 0 locked; truncate -s 50M holes; echo note > ~/note; mkfifo pipe
${modelCallInShell({ prompt: 'hello' })} > /dev/null; find . -printf '%M %n %P %l %s\\n' | sort; echo ready; read -r`

const onlyBottle = async (host: ProductHost): Promise<BottleView> => {
  const [bottle] = await host.json<readonly BottleView[]>(['ps'])
  if (!bottle) throw new Error('there is no bottle')
  return bottle
}

const listingIn = (output: string, end: string) =>
  output
    .split('\n')
    .filter((line) => /^[-dlp][-rwxsStT]{9} /.test(line))
    .join('\n') + end

test.each([
  { from: here, to: there, kind: 'layer' },
  { from: there, to: here, kind: 'copy' },
])(
  'a bottle $from.title (--workspace $kind) goes on $to.title on another host, where its directory has another path (E06, I2)',
  async ({ from, to, kind }) => {
    await using one = await openProductHost({ user: from })
    await using other = await openProductHost({ user: to })
    await fill(one, from)
    await fill(other, to)
    const options = ['--bottle', 'claude', '--budget', '900000', '--workspace', kind, '--env', 'COLOR=blue']
    const command = one.start(['run', ...options, '--', 'bash', '-c', script], { input: typed })
    await command.said(/ready/)
    const { id } = await onlyBottle(one)
    await one.run(['freeze', id])
    const before = listingIn((await command.ended).stdout, '')
    const { chargedTokens } = await onlyBottle(one)
    expect(chargedTokens).toBeGreaterThan(0)

    const file = join(one.home, 'moved.tar.zst')
    const exported = await one.run(['snapshot', 'export', id, file])
    expect({ exitCode: exported.exitCode, stderr: exported.stderr }).toEqual({
      exitCode: 0,
      stderr: expect.stringContaining('snapshot import'),
    })
    const bytes = await readFile(file)
    expect(zstdDecompressSync(bytes).includes(realKey)).toBe(false)
    const brought = join(other.directory, 'moved.tar.zst')
    await writeFile(brought, bytes)
    if (to.uid !== undefined) await chown(brought, to.uid, to.uid)

    const take = (...words: readonly string[]) => other.run(['snapshot', 'import', brought, ...words])
    await chmod(join(other.workspace, 'd/one'), 0o755)
    const differing = await take('--workspace', other.workspace)
    expect(differing).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('"d/one" differ') })
    expect(await readdir(join(other.home, 'instances'))).toEqual([])
    await chmod(join(other.workspace, 'd/one'), 0o644)
    expect(await take('--workspace', other.workspace)).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('is frozen here'),
    })
    expect(await take('--workspace', other.workspace)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`there is a bottle "${id}" here`),
    })
    expect(await onlyBottle(other)).toMatchObject({ id, state: 'frozen', chargedTokens })
    expect(await readdir(join(other.home, 'instances'))).toEqual([id])
    expect(
      (await other.run(['diff', id, '--name-status'])).stdout.split('\n').filter((line) => /^[AMD] {2}/.test(line)),
    ).toEqual(expect.arrayContaining(['M  kept', 'D  gone', 'D  d/deep/two', 'A  d/deep/three', 'A  made']))

    const resumed = other.start(['resume', id], { input: typed })
    await resumed.said(/over/)
    expect((await onlyBottle(other)).budgets).toMatchObject([{ scope: `run:${id}`, limitTokens: 900_000 }])
    resumed.type('\n')
    const { stdout, exitCode } = await resumed.ended
    expect(exitCode).toBe(5)
    expect(stdout).toContain(`here: ${one.workspace}\n`)
    expect(listingIn(stdout, '')).toBe(before)
    expect(stdout).toContain('kept\nx\nmade\nnote\nblocks 0\n')
    expect(await readFile(join(other.workspace, 'kept'), 'utf8')).toBe('kept\n')
    expect(await onlyBottle(one)).toMatchObject({ id, state: 'frozen' })
  },
)
