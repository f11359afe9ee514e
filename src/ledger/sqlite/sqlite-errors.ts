/** The one place that turns SQLite's and the file system's error codes into sentences for the user. */
import { BottleError, messageOf } from '../../core/errors.ts'

/** Never is a damaged ledger replaced by itself. */
export const wayOutOfDamage =
  'Stop the controller and save what can be read with "bot-bottle ledger rebuild", or restore a backup.'

/** Primary result codes, https://www.sqlite.org/rescode.html; the extended code is in the higher bits. */
const sentences: Readonly<Record<number, readonly [what: string, hint: string]>> = {
  5: ['is locked by another program', 'End the program that holds it, then try again.'],
  6: ['is locked by another program', 'End the program that holds it, then try again.'],
  8: ['cannot be written', 'Give your user write permission on the file and its directory.'],
  10: ['could not be read or written by the system', 'Check the disk and the system log.'],
  11: ['is damaged', wayOutOfDamage],
  13: ['cannot grow: the disk is full', 'Free some space, then try again.'],
  14: ['cannot be opened', 'Check that its directory exists and that your user may write there.'],
  26: [
    'is not a database',
    'Restore a backup, or move the file away to begin a new ledger; it is never replaced by itself.',
  ],
}

const fileSentences: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  ENOENT: ['cannot be created: its directory does not exist', 'Create the directory with mode 0700.'],
  ENOTDIR: ['cannot be opened: a part of its path is not a directory', 'Choose a path inside a directory.'],
  EISDIR: ['is a directory', 'Choose the path of a file.'],
  EACCES: ['is not writable for this user', 'Give your user read and write permission on the file and its directory.'],
  EPERM: ['is not writable for this user', 'Give your user read and write permission on the file and its directory.'],
  EROFS: ['is on a read-only file system', 'Choose a path on a file system that can be written.'],
  ENOSPC: ['cannot be created: the disk is full', 'Free some space, then try again.'],
}

/** The BottleError for what the database or the file system threw; anything else is a bug and stays what it is. */
export function ledgerErrorOf(thrown: unknown, path: string): unknown {
  if (!(thrown instanceof Error) || thrown instanceof BottleError) return thrown
  const resultCode = 'errcode' in thrown && typeof thrown.errcode === 'number' ? thrown.errcode & 0xff : undefined
  const fileCode = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined
  const found = (resultCode !== undefined && sentences[resultCode]) || (fileCode && fileSentences[fileCode])
  if (!found) return thrown
  const [what, hint] = found
  return unusable(`the ledger "${path}" ${what} (${messageOf(thrown)})`, hint, thrown)
}

export function unusable(message: string, hint: string, cause?: unknown): BottleError {
  return new BottleError('ledger_unusable', message, { hint, cause })
}
