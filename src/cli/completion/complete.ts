/**
 * `bot-bottle __complete -- WORDS`, which the scripts of `completion` call at each press of the key: first `words`, or `files` or
 * `programs` where the shell itself knows those; then one proposal a line, with its description behind a tab.
 */
import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { inert } from '../inert.ts'
import { liveValues } from './live-values.ts'
import { wantedAt } from './wanted.ts'

/** Safety: no shell has to quote what is proposed, and none can be made to do something by a name. */
const proposable = /^[\w@%+=:,./-]+$/

/** Never throws: a failure proposes nothing. */
export async function complete(context: CliContext, program: Command, words: readonly string[]): Promise<void> {
  const { proposals, values, prefix } = wantedAt(program, words)
  const live = values === undefined ? [] : await liveValues(values, context).catch(() => [])
  context.print(values === 'files' || values === 'programs' ? values : 'words')
  const all = [...proposals, ...live.map(({ value, description }) => ({ value: `${prefix}${value}`, description }))]
  for (const { value, description } of all) {
    if (proposable.test(value)) context.print(`${value}\t${inert(description)}`)
  }
}
