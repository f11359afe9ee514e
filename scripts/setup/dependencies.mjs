/** `npm ci`, when what is installed is not what package-lock.json says. A stamp written last tells; a half install has none. */
import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root, step } from './step.mjs'

const stampPath = join(root, 'node_modules', '.bot-bottle-stamp')

export async function ensureDependencies() {
  const wanted = await stampOf(['package.json', 'package-lock.json'])
  const found = await readFile(stampPath, 'utf8').catch(() => '')
  if (found === wanted) return
  await rm(stampPath, { force: true })
  await step({
    title: 'installing the dependencies (npm ci)',
    command: ['npm', 'ci', '--no-audit', '--no-fund'],
    advice: 'Check the network and the disk, then run this again.',
  })
  await writeFile(stampPath, wanted)
}

/** Native parts differ by processor; scripts of package.json do not change what is installed. */
async function stampOf(files) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`)
  for (const file of files) {
    const content = JSON.parse(await readFile(join(root, file), 'utf8'))
    hash.update(`${JSON.stringify({ ...content, scripts: undefined })}\n`)
  }
  return hash.digest('hex')
}
