/** The last words of a process that ends by an error which nobody caught. */
import { messageOf } from '../core/errors.ts'

/** Safety: Node itself would print all that the error holds, be it the head of a request. `clean` takes credentials out of a text. */
export function endOnCrash(clean: (text: string) => string): void {
  process.on('uncaughtException', (error: unknown) => {
    process.stderr.write(`${clean(error instanceof Error ? (error.stack ?? error.message) : messageOf(error))}\n`)
    process.exit(1)
  })
}
