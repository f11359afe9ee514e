/**
 * Loaded into a controller ahead of its own code (`NODE_OPTIONS=--import …`): kills it with -9 at one statement of its
 * ledger's thread, as `BOT_BOTTLE_LEDGER_FAULT` says: `PLACE:COUNT`. Without the variable it does nothing.
 */
import { StatementSync } from 'node:sqlite'
import { isMainThread, Worker, workerData } from 'node:worker_threads'

const [place, count] = (process.env.BOT_BOTTLE_LEDGER_FAULT ?? '').split(':')

const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('a killed process ran on')
}

/** A thread that sleeps until it is woken, and then kills: the thread that woke it is in the middle of something by then. */
function startKiller(): () => void {
  const bell = new Int32Array(new SharedArrayBuffer(4))
  const code = `Atomics.wait(new Int32Array(require('node:worker_threads').workerData), 0, 0); process.kill(process.pid, 'SIGKILL')`
  new Worker(code, { eval: true, workerData: bell.buffer, env: {} }).unref()
  return () => {
    Atomics.store(bell, 0, 1)
    Atomics.notify(bell, 0)
  }
}

function killAt(place: string, count: number): void {
  const wakeKiller = place === 'in-commit' ? startKiller() : die
  let seen = 0
  for (const name of ['run', 'get'] as const) {
    const original = StatementSync.prototype[name]
    Object.defineProperty(StatementSync.prototype, name, {
      value(this: StatementSync, ...args: []) {
        const isCommit = this.sourceSQL === 'COMMIT'
        const isDue = isCommit !== (place === 'statement') && ++seen === count
        if (isDue && place === 'in-commit') wakeKiller()
        else if (isDue && place !== 'after-commit') die()
        const result = Reflect.apply(original, this, args)
        if (isDue && place === 'after-commit') die()
        return result
      },
    })
  }
}

const isLedgerThread = !isMainThread && typeof workerData?.owner === 'string'
if (isLedgerThread && place !== undefined && place !== '') killAt(place, Number(count))
