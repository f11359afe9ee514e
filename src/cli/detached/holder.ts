/**
 * The process that holds a bottle in the background. Reads a `DetachedBottle` as JSON from its standard input, which no process list
 * shows, and says with one line of JSON that its program runs, or why not.
 */
import { text } from 'node:stream/consumers'
import { BottleError, type BottleErrorCode, messageOf } from '../../core/errors.ts'
import { type DetachedBottle, holdDetached } from './hold-detached.ts'

export interface HolderAnswer {
  /** null: its program runs. */
  readonly failure: { readonly code: BottleErrorCode; readonly message: string; readonly hint: string | null } | null
}

const detached = JSON.parse(await text(process.stdin)) as DetachedBottle // from `start-holder.ts`
process.umask(0o077)
// Whoever asked may be gone by now.
process.stdout.on('error', () => undefined)
const answer = (body: HolderAnswer) => process.stdout.write(`${JSON.stringify(body)}\n`)
try {
  // Of each program that is started; who asked reads one line.
  await holdDetached(detached, () => answer({ failure: null }))
} catch (error) {
  const { code, hint } = error instanceof BottleError ? error : ({ code: 'internal', hint: undefined } as const)
  answer({ failure: { code, message: messageOf(error), hint: hint ?? null } })
}
// Whoever else may have a pipe of the program: its bottle is over.
process.exit()
