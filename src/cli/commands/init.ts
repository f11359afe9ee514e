import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { prepareHome } from '../../host/paths.ts'
import type { CliContext } from '../context.ts'
import { schemaFiles, starterFiles } from '../starter-files.ts'

export function initCommand(context: CliContext): Command {
  return new Command('init')
    .description(
      'Writes commented settings, a bottle and an agent to start from. What is there already is left as it is.',
    )
    .addHelpText('after', '\nExample:\n  bot-bottle init && bot-bottle show starter\n')
    .action(async () => {
      await prepareHome(context.home)
      for (const [file, content] of Object.entries(starterFiles)) {
        const path = join(context.home, file)
        await mkdir(dirname(path), { recursive: true, mode: 0o700 })
        context.print(`${(await writeNew(path, content)) ? 'wrote' : 'kept '} ${path}`)
      }
      // For editors, not for people: always those of this version.
      for (const [file, content] of Object.entries(schemaFiles())) {
        const path = join(context.home, file)
        await mkdir(dirname(path), { recursive: true, mode: 0o700 })
        await writeFile(path, content)
      }
    })
}

/** False where something has that name, be it a broken link. */
async function writeNew(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}
