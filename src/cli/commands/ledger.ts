import { resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { LedgerRebuild, LedgerVerification } from '../../controller/api.ts'
import type { CliContext } from '../context.ts'
import { refuseEmptySpan } from '../empty-span.ts'
import { inertJson } from '../inert.ts'
import { interruptible } from '../interruptible.ts'
import { type ExportFormat, writeExport, writeExportFile } from '../ledger-export.ts'
import { problemInWords } from '../ledger-problems.ts'
import { withProgress } from '../progress.ts'
import { groupedNumber } from '../table.ts'
import { parseTime } from '../time.ts'
import { forgetHostCommand, hostsCommand } from './ledger-hosts.ts'

/** The ledger is read by this very thread. */
const blocking = { isBlocking: true } as const

interface JsonOption {
  readonly json?: boolean
}

export function ledgerCommand(context: CliContext): Command {
  return new Command('ledger')
    .description(
      'Looks after the record of who used which tokens. All of it but a rebuild may run while bottles run; none of it needs a controller.',
    )
    .addHelpText(
      'after',
      `
Examples:
  bot-bottle ledger verify
  bot-bottle ledger backup ~/ledger-2026-11-22.db
  bot-bottle ledger export --since 30d --format csv > charges.csv
  bot-bottle controller stop && bot-bottle ledger rebuild
`,
    )
    .addCommand(verifyCommand(context))
    .addCommand(rebuildCommand(context))
    .addCommand(backupCommand(context))
    .addCommand(exportCommand(context))
    .addCommand(hostsCommand(context))
    .addCommand(forgetHostCommand(context))
}

function verifyCommand(context: CliContext): Command {
  return new Command('verify')
    .description(
      'Reads the whole ledger: is the file sound, is every counter the sum of its events, are holds what reservations hold. Exit code 1 if something is wrong.',
    )
    .argument('[file]', 'another ledger, e.g. a backup')
    .option('--json', 'print it as JSON: a LedgerVerification')
    .action(async (file: string | undefined, { json = false }: JsonOption) => {
      const ledger = await openFile(context)
      const report = await withProgress('verifying', () => ledger.inspect(file), blocking)
      if (report.problems.length > 0) context.exit(1)
      if (json) return context.print(inertJson(report))
      for (const line of verificationLines(report)) context.print(line)
    })
}

function verificationLines(report: LedgerVerification): readonly string[] {
  const { path, schema, sizeBytes, events, corrections, rolledUpExchanges, openHolds, heldTokens, holders } = report
  const number = (value: number | null) => (value === null ? '?' : groupedNumber(value))
  const lines = [
    `${path}: schema ${schema ?? '?'}, ${number(sizeBytes && Math.ceil(sizeBytes / 1024))} KiB`,
    `events: ${number(events)}, of them corrected: ${number(corrections)}; exchanges rolled up: ${number(rolledUpExchanges)}`,
    `open holds: ${number(openHolds)} of ${number(heldTokens)} tokens, owners: ${number(holders)}`,
  ]
  if (report.problems.length === 0) return [...lines, 'sound: every counter is the sum of its events']
  return [...lines, ...report.problems.map(problemInWords), 'way out: bot-bottle ledger rebuild, or a backup']
}

function rebuildCommand(context: CliContext): Command {
  return new Command('rebuild')
    .description(
      'Makes all sums anew from the events. What can be read of a damaged file is brought into a new one; the damaged one is kept beside. Refused while a controller runs.',
    )
    .option('--json', 'print it as JSON: a LedgerRebuild')
    .action(async ({ json = false }: JsonOption) => {
      const ledger = await openFile(context)
      const report = await withProgress('rebuilding', () => ledger.rebuild(context.nowMs()), blocking)
      if (json) return context.print(inertJson(report))
      for (const line of rebuildLines(report)) context.print(line)
    })
}

function rebuildLines(report: LedgerRebuild): readonly string[] {
  if (report.kind === 'rebuilt') {
    const rebuilt = `${report.path}: all sums are made anew from ${groupedNumber(report.events)} events`
    return [rebuilt, ...report.mended.map((problem) => `mended: ${problemInWords(problem)}`)]
  }
  const { path, keptAs, savedEvents, lostEvents, lostEventsInSums, incompleteTables } = report
  return [
    `${path}: a new ledger with ${groupedNumber(savedEvents)} events that could be read`,
    `lost events: ${groupedNumber(lostEvents)}, of them still charged by the sums of their hours: ${groupedNumber(lostEventsInSums)}`,
    ...(incompleteTables.length > 0 ? [`not all could be read of: ${incompleteTables.join(', ')}`] : []),
    `the damaged file is kept as ${keptAs}`,
  ]
}

function backupCommand(context: CliContext): Command {
  return new Command('backup')
    .description(
      'Copies the ledger to a file as it is at this moment, also while bottles run. The file is for you alone (0600); none is overwritten.',
    )
    .argument('[file]', 'default: bot-bottle-DATE.db in the current directory')
    .option('--json', 'print where it is as JSON: {path}')
    .action(async (file: string | undefined, { json = false }: JsonOption) => {
      const day = new Date(context.nowMs()).toISOString().slice(0, 10)
      const path = file ?? `bot-bottle-${day}.db`
      const ledger = await openFile(context)
      const isDone = await interruptible(context, async (signal) => {
        await withProgress(`copying to ${path}`, () => ledger.backUp(path, signal))
        return true
      })
      if (isDone) context.print(json ? inertJson({ path: resolve(context.cwd, path) }) : path)
    })
}

interface ExportOptions {
  readonly since?: number
  readonly until?: number
  readonly format: ExportFormat
}

function exportCommand(context: CliContext): Command {
  const time = (text: string): number => {
    const parsed = parseTime(text, context.nowMs())
    if (parsed.kind === 'invalid') throw new InvalidArgumentError(parsed.why)
    return parsed.timeMs
  }
  return new Command('export')
    .description(
      'Writes what was charged, one line for each exchange; older ones that were rolled up are one line for each hour. See docs/json.md.',
    )
    .argument('[file]', 'a new file; stdout when left out')
    .option('--since <when>', 'only what ended since: 90m, 12h, 7d or a time such as 2026-11-22T08:00Z', time)
    .option('--until <when>', 'only what ended before, written in the same way', time)
    .addOption(new Option('--format <format>', 'of each line').choices(['jsonl', 'csv']).default('jsonl'))
    .action(async (file: string | undefined, { since, until, format }: ExportOptions) => {
      refuseEmptySpan({ since, until })
      const range = { ...(since !== undefined && { sinceMs: since }), ...(until !== undefined && { untilMs: until }) }
      const lines = (await openFile(context)).exported(range)
      if (file === undefined) await writeExport(lines, format)
      else await interruptible(context, (signal) => writeExportFile(lines, { format, file, signal }))
    })
}

async function openFile({ entries, home }: CliContext) {
  return (await entries.ledger()).ledgerFile(home)
}
