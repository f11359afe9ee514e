/**
 * The directory of one bottle on the host, `instances/ID`. Only parts of it are shown inside (`layers/`, `home/`, `workspace/`, files
 * of `sandbox/`), never the directory itself.
 *
 *     plan.json        how the bottle was resolved (`bottle-plan.ts`)
 *     authority.json   the keys of its certificate authority, as long as it lives
 *     output.log       what its program printed, of one in the background (`host/output-log.ts`)
 */
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { olderLogName, outputLogName } from '../host/output-log.ts'
import type { AuthorityKeys } from '../proxy/certificate-authority.ts'
import { removeTree } from '../sandbox/layers/remove-entry.ts'
import { type BottlePlan, planOf } from './bottle-plan.ts'

const removingPrefix = '.removing-'
/** What an import unpacks, until it is a bottle's. */
export const importingPrefix = '.importing-'

export interface InstanceDirectory {
  readonly path: string
  writePlan(plan: BottlePlan): Promise<void>
  /** Throws an error, whose message is the end of a sentence, for a plan that is not there or of a newer version. */
  readPlan(): Promise<BottlePlan>
  writeKeys(keys: AuthorityKeys): Promise<void>
  readKeys(): Promise<AuthorityKeys>
  removeKeys(): Promise<void>
  /** Once the bottle has ended: what it changed stays, and what it printed. */
  keepForUser(plan: Pick<BottlePlan, 'keepsWorkspace' | 'detached'>): Promise<void>
}

export function instanceDirectory(instancesPath: string, id: string): InstanceDirectory {
  const path = join(instancesPath, id)
  const [planPath, keysPath] = [join(path, 'plan.json'), join(path, 'authority.json')]
  const removeKeys = () => rm(keysPath, { force: true })
  return {
    path,
    writePlan: (plan) => writeFile(planPath, JSON.stringify(plan), { mode: 0o600 }),
    readPlan: async () => planOf(await readFile(planPath, 'utf8')),
    writeKeys: ({ certificate, privateKey }) =>
      writeFile(keysPath, JSON.stringify({ certificate, privateKey }), { mode: 0o600 }),
    readKeys: async () => JSON.parse(await readFile(keysPath, 'utf8')) as AuthorityKeys, // ours alone, mode 0600
    removeKeys,
    async keepForUser({ keepsWorkspace, detached = false }) {
      if (keepsWorkspace) return removeKeys()
      if (!detached) return removeDirectory(path)
      for (const name of await readdir(path)) if (!keptOfDetached.includes(name)) await removeTree(join(path, name))
    },
  }
}

const keptOfDetached: readonly string[] = ['plan.json', outputLogName, olderLogName]

/** Removes what a bottle kept: at once to all who look for it, and what a crash leaves is removed at the next start. */
export async function removeDirectory(path: string): Promise<void> {
  const removing = join(dirname(path), `${removingPrefix}${path.slice(dirname(path).length + 1)}`)
  await rename(path, removing).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  await removeTree(removing)
}

/** What `removeDirectory` or an import did not come to the end of. */
export async function removeRemains(instancesPath: string): Promise<void> {
  for (const name of await readdir(instancesPath)) {
    if (name.startsWith(removingPrefix) || name.startsWith(importingPrefix)) await removeTree(join(instancesPath, name))
  }
}
