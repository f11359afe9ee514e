/** Archives of snapshots that somebody tampered with, cut off, or made by hand; and imports that a crash interrupts. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { recover } from '../../src/controller/recovery.ts'
import { createSnapshots } from '../../src/controller/snapshots.ts'
import { snapshotManifest } from '../../src/core/snapshot/snapshot-manifest.ts'
import { createEnforcer } from '../../src/enforce/enforcer.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'
import { readArchive, writeArchive } from '../../src/sandbox/layers/archive.ts'
import { hashLayer } from '../../src/sandbox/layers/hash-layer.ts'
import { removeTree } from '../../src/sandbox/layers/remove-entry.ts'
import { createNone } from '../../src/sandbox/none/none.ts'
import { listing } from '../fakes/layered-project.ts'

let root = ''
let target = ''
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'bot-bottle-archive-')))
  target = join(root, 'outer/target')
  for (const path of ['outer/target/layers/workspace', 'outer/target/layers/home'])
    mkdirSync(join(root, path), { recursive: true })
  onTestFinished(() => removeTree(root))
})

interface Member {
  readonly name: string
  readonly type?: string
  readonly link?: string
  readonly content?: string
  readonly mode?: number
  readonly device?: readonly [number, number]
  readonly records?: Readonly<Record<string, string>>
}

const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])

function member({ name, type = '0', link = '', content = '', mode = 0o644, device = [0, 0], records }: Member): Buffer {
  const header = Buffer.alloc(512)
  const octal = (value: number, at: number, bytes: number) =>
    header.write(value.toString(8).padStart(bytes - 1, '0'), at)
  header.write(name, 0, 'latin1')
  octal(mode, 100, 8)
  octal(Buffer.byteLength(content), 124, 12)
  header.write(type, 156)
  header.write(link, 157, 'latin1')
  header.write('ustar\x0000', 257, 'latin1')
  octal(device[0], 329, 8)
  octal(device[1], 337, 8)
  header.fill(' ', 148, 156)
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  )
  const own = Buffer.concat([header, padded(Buffer.from(content))])
  if (!records) return own
  const text = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`
    const length = [1, 2, 3, 4]
      .map((digits) => rest.length + digits)
      .find((size) => String(size).length === size - rest.length)
    return `${length}${rest}`
  })
  return Buffer.concat([member({ name: 'pax', type: 'x', content: text.join('') }), own])
}

const layer = 'layers/workspace/sealed-1'
const folder: Member = { name: `${layer}/`, type: '5', mode: 0o755 }

/** A file with the trailer that it must have. */
function archive(members: readonly Member[]): string {
  const bytes = Buffer.concat([...members.map(member), Buffer.alloc(1024)])
  const file = join(root, 'made.tar')
  writeFileSync(
    file,
    Buffer.concat([bytes, Buffer.from(`sha256: ${createHash('sha256').update(bytes).digest('hex')}`)]),
  )
  return file
}

describe('an archive that somebody made', () => {
  it('is unpacked where it is as we write them, with extended attributes', async () => {
    const file = { name: `${layer}/a`, content: 'a', records: { 'SCHILY.xattr.user.note': 'a note' } }
    await readArchive(archive([{ name: 'start.json', content: '{}' }, folder, file]), target)
    expect(readFileSync(join(target, layer, 'a'), 'utf8')).toBe('a')
    await writeArchive(join(root, 'again'), { parts: [{ directory: target, names: [layer] }], coding: 'none' })
    expect(readFileSync(join(root, 'again')).includes('SCHILY.xattr.user.note=a note\n')).toBe(true)
  })

  it.each<readonly [string, readonly Member[]]>([
    ['an absolute name', [{ name: '/tmp/bot-bottle-planted', content: 'x' }]],
    ['a name that leads out', [folder, { name: `${layer}/../../../../planted` }]],
    ['a name that leads out, in a record', [folder, { name: `${layer}/a`, records: { path: '../planted' } }]],
    [
      'a name that leads out, as that of a sparse file',
      [folder, { name: `${layer}/a`, records: { 'GNU.sparse.name': '../planted' } }],
    ],
    ['a file of the bottle that is no layer', [{ name: 'authority.json', content: '{}' }]],
    ['another layer', [{ name: 'layers/workspace/upper/', type: '5' }]],
    ['a layer that is a symlink', [{ name: layer, type: '2', link: '/tmp' }, { name: `${layer}/planted` }]],
    [
      'an entry behind a symlink',
      [folder, { name: `${layer}/l`, type: '2', link: '/tmp' }, { name: `${layer}/l/planted` }],
    ],
    [
      'a symlink for a folder',
      [folder, { ...folder, name: `${layer}/d/` }, { name: `${layer}/d`, type: '2', link: '/tmp' }],
    ],
    ['an entry without its folder', [folder, { name: `${layer}/d/a` }]],
    ['a hard link out of the layer', [folder, { name: `${layer}/h`, type: '1', link: 'start.json' }]],
    ['a hard link to the host', [folder, { name: `${layer}/h`, type: '1', link: '/etc/passwd' }]],
    ['a hard link that leads out', [folder, { name: `${layer}/h`, type: '1', link: `${layer}/../../../../x` }]],
    ['a device', [folder, { name: `${layer}/null`, type: '3', device: [1, 3] }]],
    ['a block device', [folder, { name: `${layer}/sda`, type: '4' }]],
    ['a header for all that follows', [{ name: 'pax', type: 'g', content: '18 path=/tmp/x\n' }]],
    [
      'a record of another kind',
      [folder, { name: `${layer}/a`, records: { 'SCHILY.xattr.security.capability': 'x' } }],
    ],
    ['a long name of GNU', [{ name: '././@LongLink', type: 'L', content: '/tmp/planted\0' }]],
    ['a file that is larger than the disk', [folder, { name: `${layer}/a`, records: { size: '9007199254740991' } }]],
  ])('is refused with %s, and nothing is written elsewhere (S12)', async (_, members) => {
    const before = readdirSync(join(root, 'outer'))
    await expect(readArchive(archive(members), target)).rejects.toThrow(/is no whole snapshot of a bottle: "/)
    expect(readdirSync(join(root, 'outer'))).toEqual(before)
    expect(readdirSync('/tmp')).not.toContain('bot-bottle-planted')
  })
})

describe('an archive that we wrote', () => {
  const make = async (coding: 'none' | 'gzip' | 'zstd') => {
    const from = join(root, 'from')
    mkdirSync(join(from, layer), { recursive: true })
    execFileSync(
      'bash',
      [
        '-c',
        `mkdir -p d/e; echo a > d/a; ln d/a d/b; ln -s /etc/passwd l; truncate -s 20M holes; echo x >> holes
      mkdir -m 0 locked; touch -d @1.5 old; echo x > $'\\xff'; mknod gone c 0 0; chmod 4755 d/a; mkfifo pipe; for i in {1..300}; do echo $RANDOM > f$i; done`,
      ],
      {
        cwd: join(from, layer),
      },
    )
    const file = join(root, 'ours')
    await writeArchive(file, { parts: [{ directory: from, names: [layer] }], coding })
    return { file, from: join(from, layer) }
  }

  it.each(['none', 'gzip', 'zstd'] as const)('holds what was there, holes, links and marks (%s)', async (coding) => {
    const { file, from } = await make(coding)
    await readArchive(file, target)
    const to = join(target, layer)
    expect(await listing(to)).toBe(await listing(from))
    expect((await hashLayer(to, { contents: true })).sha256).toBe((await hashLayer(from, { contents: true })).sha256)
    expect(statSync(join(to, 'holes')).blocks).toBeLessThan(100)
    expect(statSync(join(to, 'd/a')).ino).toBe(statSync(join(to, 'd/b')).ino)
    expect(statSync(join(to, 'old')).mtimeMs).toBe(1500)
  })

  it('is refused with any byte changed, and cut off anywhere', async () => {
    const { file } = await make('none')
    const whole = readFileSync(file)
    for (let round = 0; round < 24; round++) {
      const broken = Buffer.from(whole)
      const at = Math.floor((whole.length * (round + 0.5)) / 24)
      if (round % 2 === 0) broken[at] = (broken[at] ?? 0) ^ 1
      writeFileSync(file, round % 2 === 0 ? broken : broken.subarray(0, at))
      const into = join(root, `into-${round}`)
      mkdirSync(join(into, 'layers/workspace'), { recursive: true })
      await expect(readArchive(file, into)).rejects.toThrow(/is no whole snapshot of a bottle/)
    }
  })
})

describe('an import', () => {
  const manifest = snapshotManifest({
    bottle: { id: 'claude-1', agent: 'claude', definitions: ['claude'], policy: 'freeze', createdAtMs: 1 },
    layers: [],
    spent: [
      {
        ...{
          provider: 'claude',
          model: 'm',
          inputTokens: 5,
          cacheWriteTokens: 7,
          cacheWrite1hTokens: 3,
          cacheReadTokens: 2,
        },
        ...{ outputTokens: 10, reasoningTokens: 1, chargeTokens: 24, estimatedTokens: 0 },
      },
    ],
    limits: [{ provider: 'claude', period: 'total', limitTokens: 100, always: false }],
  })

  const open = async () => {
    const instancesPath = join(root, 'instances')
    mkdirSync(instancesPath)
    const ledger = await openSqliteLedger({ path: join(root, 'ledger.db'), owner: 'next' })
    onTestFinished(() => ledger[Symbol.asyncDispose]())
    const unpack = (content: object = manifest) => {
      mkdirSync(join(instancesPath, '.importing-1'))
      writeFileSync(join(instancesPath, '.importing-1/manifest.json'), JSON.stringify(content))
      writeFileSync(join(instancesPath, '.importing-1/frozen.json'), '{"version":2}')
    }
    const recoverNow = () =>
      recover({
        ...{ ledger, instancesPath, nowMs: () => 7, charges: [], keptHashes: { begin: () => {} } },
        enforcer: createEnforcer({ ledger, nowMs: () => 7, newId: () => 'e1', onEntry: () => {} }),
        backendOf: () => createNone(),
        prepareAdoption: async () => ({ open: async () => ({ kind: 'gone' }) }),
        takeIn: () => expect.fail('nothing lives'),
        onFailure: (error) => expect.fail(String(error)),
      })
    const snapshots = createSnapshots({ ledger, instancesPath, nowMs: () => 5 })
    return { instancesPath, ledger, unpack, snapshots, recoverNow }
  }

  it('brings what was used, to the run alone, and the limits that it was given (I6)', async () => {
    const { ledger, unpack, snapshots } = await open()
    unpack()
    expect(await snapshots.takeIn('.importing-1')).toBe('claude-1')
    expect(await ledger.counters()).toMatchObject([{ scope: 'run:claude-1', provider: 'claude', settledTokens: 24 }])
    expect(await ledger.verify()).toEqual([])
    const { bottle, spent, limits } = manifest
    expect(await snapshots.facts('claude-1')).toEqual({ bottle, spent, limits })
    unpack()
    await expect(snapshots.takeIn('.importing-1')).rejects.toThrow('there is a bottle "claude-1" here')
  })

  it('of a newer version is refused', async () => {
    const { unpack, snapshots } = await open()
    unpack({ ...manifest, version: 2 })
    await expect(snapshots.takeIn('.importing-1')).rejects.toThrow(
      'this snapshot is of version 2, and this one knows 1',
    )
  })

  it.each(['before its files were there', 'after'] as const)(
    'that a crash interrupted %s is undone or finished by the next controller, and can be done again (E08)',
    async (when) => {
      const { instancesPath, ledger, unpack, snapshots, recoverNow } = await open()
      unpack()
      await snapshots.takeIn('.importing-1')
      // As a crash would have left it.
      await ledger.updateBottle('claude-1', { state: 'starting' })
      if (when !== 'after') await removeTree(join(instancesPath, 'claude-1'))
      mkdirSync(join(instancesPath, '.importing-2'))
      await recoverNow()
      expect(readdirSync(instancesPath)).toEqual(when === 'after' ? ['claude-1'] : [])
      expect(await ledger.bottle('claude-1')).toMatchObject({ state: when === 'after' ? 'frozen' : 'failed' })
      if (when === 'after') return
      unpack()
      expect(await snapshots.takeIn('.importing-1')).toBe('claude-1')
      expect(await ledger.bottle('claude-1')).toMatchObject({ state: 'frozen', endedAtMs: null })
    },
  )
})
