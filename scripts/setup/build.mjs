/** `src` compiled to `dist`, in place: a controller that runs from there never finds a file missing. */

import { existsSync } from 'node:fs'
import { chmod, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { capture, root, SetupError } from './step.mjs'

const output = join(root, 'dist')

/** About a second; always done, so that no half build is ever taken for a whole one. */
export async function buildDist() {
  const built = await capture(['tsc', '-p', 'tsconfig.build.json'])
  if (built.code !== 0) {
    process.stderr.write(`${built.output.trimEnd()}\n`)
    throw new SetupError('set-up: the build failed. Correct the errors above, then run this again.')
  }
  await removeStale()
  await chmod(join(output, 'main.js'), 0o755)
}

/** Removes what was compiled from sources that are gone. */
async function removeStale() {
  for (const file of await readdir(output, { recursive: true })) {
    if (!/\.js(?:\.map)?$/.test(file)) continue
    const source = join(root, 'src', file.replace(/\.js$/, '.ts'))
    if (!existsSync(source)) await rm(join(output, file))
  }
}
