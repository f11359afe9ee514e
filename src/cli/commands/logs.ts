import { once } from 'node:events'
import { StringDecoder } from 'node:string_decoder'
import { Command } from 'commander'
import { BottleError } from '../../core/errors.ts'
import type { CliContext } from '../context.ts'
import { connectHolder } from '../detached/holder-socket.ts'
import { openOutput } from '../detached/read-output.ts'
import { createInertOutput } from '../inert-output.ts'
import { instancePath } from '../instance-path.ts'
import { readLimit } from '../read-limit.ts'

interface LogsOptions {
  readonly follow?: boolean
  readonly lines?: number
  readonly raw?: boolean
}

export function logsCommand(context: CliContext): Command {
  return new Command('logs')
    .description(
      'Shows what the program of a bottle in the background printed, of a bottle that ended too. Colours and other sequences for a terminal are left out.',
    )
    .argument('<id>', 'id of the bottle (see: bot-bottle ps --all)')
    .option('-f, --follow', 'go on until the bottle ends')
    .option('-n, --lines <n>', 'only the last so many lines', readLimit)
    .option('--raw', 'every byte as it was printed: what the bottle says to your terminal')
    .addHelpText('after', '\nExamples:\n  bot-bottle logs -n 20 claude-x1y2\n  bot-bottle logs -f claude-x1y2\n')
    .action((id: string, options: LogsOptions) => showLogs(context, id, options))
}

async function showLogs({ home }: CliContext, id: string, options: LogsOptions): Promise<void> {
  const { follow = false, lines: lastLines, raw = false } = options
  const directory = instancePath(home, id)
  const holder = follow ? await connectHolder(directory) : undefined
  const ended = new AbortController()
  // It says nothing: its end is what counts.
  holder?.resume().once('close', () => ended.abort())
  try {
    const output = await openOutput(directory, { lastLines, until: holder && ended.signal })
    if (!output) throw noOutput(id)
    if (raw) for await (const bytes of output) await print(bytes)
    else for await (const text of inertTexts(output)) await print(text)
  } finally {
    holder?.destroy()
  }
}

async function* inertTexts(output: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  const inert = createInertOutput()
  for await (const bytes of output) yield inert.push(decoder.write(bytes))
  yield inert.push(decoder.end()) + inert.end()
}

async function print(output: Buffer | string): Promise<void> {
  if (!process.stdout.write(output)) await once(process.stdout, 'drain')
}

function noOutput(id: string): BottleError {
  return new BottleError('not_found', `bottle "${id}" has no log`, {
    hint: 'Those that are started with --detach have one, until they are killed: bot-bottle ps --all',
  })
}
