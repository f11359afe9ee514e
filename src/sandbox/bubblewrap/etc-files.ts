/**
 * The bottle's /etc: files that we write, and a chosen few of the host's that programs need to run. Never all of it:
 * it holds tokens (npmrc, gitconfig, profile.d), names of users and the host's identity.
 */
import { lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { isWithin } from '../path-within.ts'
import { readOnly, symlink } from './mount-arguments.ts'

export const agentUser = { name: 'agent', id: 1_000, home: '/home/agent' } as const

/** The loader, locale and time, name tables, and what runtimes keep in /etc. Each is left out where the host has none. */
const hostEntries = [
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'ld-musl-x86_64.path',
  'ld-musl-aarch64.path',
  'alternatives',
  'localtime',
  'timezone',
  'locale.alias',
  'locale.conf',
  'mime.types',
  'magic',
  'magic.mime',
  'os-release',
  'debian_version',
  'protocols',
  'services',
  'shells',
  'terminfo',
  'inputrc',
  'bash.bashrc',
  'fonts',
  'perl',
  'python3',
  'java',
  'ssl/openssl.cnf',
  'pki/tls/openssl.cnf',
  'crypto-policies',
] as const

/** Versions in the name: python3.11, java-17-openjdk. */
const versionedEntry = /^(python3\.\d+|java-\d+-openjdk)$/

export function isWantedEntry(name: string): boolean {
  return versionedEntry.test(name)
}

/** Arguments for bwrap that show the host's entries. A symlink into /usr stays one: its target's name has a meaning. */
export function hostEtcArguments(namesInEtc: readonly string[]): readonly string[] {
  return [...hostEntries, ...namesInEtc.filter(isWantedEntry)].flatMap((name) => {
    const file = path.join('/etc', name)
    const found = lstatSync(file, { throwIfNoEntry: false })
    if (found === undefined) return []
    if (!found.isSymbolicLink()) return readOnly(file)
    return linksIntoUsr(file) ? symlink(readlinkSync(file), file) : readOnly(file)
  })
}

function linksIntoUsr(file: string): boolean {
  try {
    return isWithin(realpathSync(file), '/usr')
  } catch {
    return false
  }
}

/** Writes the synthesized files and returns the arguments that show them. */
export async function writeEtcFiles(directory: string, hostname: string): Promise<readonly string[]> {
  const files = Object.entries(synthesizedFiles(hostname))
  await mkdir(directory, { recursive: true })
  await Promise.all(files.map(([name, content]) => writeFile(path.join(directory, name), content)))
  return files.flatMap(([name]) => readOnly(path.join(directory, name), path.join('/etc', name)))
}

export function synthesizedFiles(hostname: string): Readonly<Record<string, string>> {
  const { name, id, home } = agentUser
  return {
    passwd: `root:x:0:0:root:/root:/bin/bash\n${name}:x:${id}:${id}:${name}:${home}:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n`,
    group: `root:x:0:\n${name}:x:${id}:\nnogroup:x:65534:\n`,
    hosts: `127.0.0.1 localhost ${hostname}\n::1 localhost ip6-localhost\n`,
    hostname: `${hostname}\n`,
    'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n',
    // The responder is on every address; no other server exists, so nothing is gained by trying for long.
    'resolv.conf': 'nameserver 127.0.0.1\noptions timeout:2 attempts:2\n',
  }
}
