import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { hostPaths } from '../../host/paths.ts'
import { connectOrStart } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { exportSnapshot } from '../snapshot/export-snapshot.ts'
import { importSnapshot } from '../snapshot/import-snapshot.ts'

interface ImportOptions {
  readonly as?: string
  readonly workspace?: string
  readonly force?: boolean
}

export function snapshotCommand(context: CliContext): Command {
  return new Command('snapshot')
    .description('Moves frozen bottles to another host.')
    .addCommand(exportCommand(context))
    .addCommand(importCommand(context))
}

function exportCommand(context: CliContext): Command {
  return new Command('export')
    .description(
      'Writes a frozen bottle into one file: what it wrote to its workspace and home, how it was started, and what it has used. ' +
        'No credential is in it; your directory is not in it, only a list of its files. The bottle stays frozen here, too.',
    )
    .argument('<id>', 'id of a frozen bottle (see: bot-bottle ps)')
    .argument('<file>', 'the file to write: .tar, .tar.gz, else compressed by zstd')
    .addHelpText('after', '\nExample:\n  bot-bottle snapshot export claude-3fa2c1 claude.tar.zst\n')
    .action(async (id: string, given: string) => {
      const file = resolve(context.cwd, given)
      const client = await connectOrStart(context)
      await client.bottle(id)
      const directory = join(hostPaths(context.home).instancesPath, id)
      await exportSnapshot({ client, id, directory, file })
      const { size } = await stat(file)
      context.tell(`${id} is in ${given} (${size} bytes); on the other host: bot-bottle snapshot import ${given}`)
    })
}

function importCommand(context: CliContext): Command {
  return new Command('import')
    .description(
      'Makes a frozen bottle of a file that "snapshot export" wrote, with its id and what it has used. "resume" goes on with it, by ' +
        'the definitions and credentials of this host.',
    )
    .argument('<file>', 'the file')
    .option('--as <id>', 'another id, where there is a bottle of its own')
    .option(
      '--workspace <dir>',
      'the directory that it works on here, where it has another path; it must hold the same files',
    )
    .option('--force', 'whatever that directory holds')
    .addHelpText('after', '\nExample:\n  bot-bottle snapshot import claude.tar.zst --workspace ~/src/project\n')
    .action(async (given: string, { as, workspace, force = false }: ImportOptions) => {
      const client = await connectOrStart(context)
      const { id } = await importSnapshot({
        client,
        file: resolve(context.cwd, given),
        instancesPath: hostPaths(context.home).instancesPath,
        as,
        workspacePath: workspace === undefined ? undefined : resolve(context.cwd, workspace),
        isForced: force,
      })
      context.tell(`${id} is frozen here; it goes on with: bot-bottle resume ${id}`)
    })
}
