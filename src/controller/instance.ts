/**
 * One controller per home: a lock that the kernel lets go of when its holder dies, however it dies. SQLite takes it (an
 * fcntl lock on a file of its own), because Node has no file locks.
 */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { BottleError } from '../core/errors.ts'

/** Throws BottleError `controller_running` when another controller has this home. */
export function lockInstance(runPath: string): Disposable {
  const lock = new DatabaseSync(join(runPath, 'controller.lock'))
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    throw new BottleError('controller_running', `another controller is running for ${runPath}`, {
      hint: 'Look at it with: bot-bottle controller status',
      cause: error,
    })
  }
  return { [Symbol.dispose]: () => lock.close() }
}
