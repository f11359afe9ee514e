import { BottleError, messageOf } from '../../core/errors.ts'

/**
 * An error of the system as one that says what became of it: between two looks a running bottle may put anything in the place of
 * anything. Other errors stay what they are.
 */
export function asChangedMeanwhile(error: unknown, what: string): unknown {
  const isOfSystem = error instanceof Error && 'syscall' in error
  if (!isOfSystem || error instanceof BottleError) return error
  return new BottleError('conflict', `${what}: ${messageOf(error)}`, {
    hint: 'What was done before stays. If the bottle is still at work there, try again, or wait until it has ended.',
    cause: error,
  })
}
