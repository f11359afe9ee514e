import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import type { FullDisk } from './full-disk-program.ts'

const program = fileURLToPath(new URL('./full-disk-program.ts', import.meta.url))
const onSmallDisk = 'mount -t tmpfs -o size=8m tmpfs "$1" && exec "$0" "$2" "$1"'

test('on a full disk new requests are refused, and every charge is written once there is room again (L09)', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-full-disk-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const namespaces = ['--user', '--map-root-user', '--mount']
  const args = [...namespaces, 'sh', '-c', onSmallDisk, process.execPath, directory, program]
  const { stdout } = await promisify(execFile)('unshare', args)
  const found = JSON.parse(stdout) as FullDisk
  expect(found.failedSettles).toBeGreaterThan(0)
  expect(found.settledWhileFull).toBe(400 - found.failedSettles)
  expect(found.refusal.message).toMatch(/the ledger ".*ledger\.db" cannot grow: the disk is full/)
  expect(found.refusal.hint).toContain('Free some space')
  expect(found.openingRefusal).toMatch(/the ledger ".*other\.db.*" .*disk is full/)
  expect(found).toMatchObject({ settledTokens: 2_800, reservedTokens: 0, mismatches: 0, reservedAgain: 'reserved' })
})
