/**
 * The ledger's thread: the only one that touches the database. What has queued up while a group was being committed
 * makes the next groups: half of the queue at a time, so that the main thread works on the answers of one half while
 * the other is committed (a fifth more throughput at 64 in flight), and groups still grow with the load.
 */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { type Books, createBooks } from './books.ts'
import { type FileGuard, guardFile } from './file-guard.ts'
import { createGroupCommit, type GroupCommit, type Step } from './group-commit.ts'
import { createJournalBooks, type JournalBooks } from './journal-books.ts'
import { openDatabase } from './open-database.ts'
import {
  type Answer,
  type Call,
  failureOf,
  type Opening,
  type Request,
  type WorkerOperation,
  type WorkerSettings,
} from './protocol.ts'
import { ledgerErrorOf } from './sqlite-errors.ts'

const minGroupCalls = 32
/** Bounds how long one transaction holds the lock and its callers: about 10 ms. */
const maxGroupCalls = 512

const reads: ReadonlySet<WorkerOperation> = new Set<WorkerOperation>([
  'limits',
  'overrides',
  'counter',
  'counters',
  'events',
  'usage',
  'areEventsFew',
  'verify',
  'openEnforcements',
  'audit',
  'bottle',
  'bottles',
  'estimators',
  'holdOf',
  'untoldHours',
])

function serve(): void {
  const port = parentPort
  if (port === null) throw new Error('the ledger worker was started outside a worker thread')
  const { path, owner, busyTimeoutMs, isShared } = workerData as WorkerSettings
  const answer = (message: Opening | readonly Answer[]) => port.postMessage(message)

  let db: ReturnType<typeof openDatabase>
  let books: Books & JournalBooks
  let commitGroup: GroupCommit
  let requireSameFile: FileGuard
  try {
    db = openDatabase({ path, busyTimeoutMs })
    books = { ...createBooks({ db, owner, now: Date.now, isShared }), ...createJournalBooks(db) }
    commitGroup = createGroupCommit(db, { busyTimeoutMs })
    requireSameFile = guardFile(path)
  } catch (error) {
    answer({ kind: 'refused', failure: failureOf(ledgerErrorOf(error, path)) })
    return
  }

  const commitCalls = (calls: readonly Call[]): readonly Answer[] => {
    try {
      requireSameFile()
    } catch (error) {
      return calls.map(([id]): Answer => [id, false, failureOf(error)])
    }
    return commitGroup(calls.map((call) => stepOf(call, books))).map((result, index): Answer => {
      const id = calls[index]?.[0] ?? 0
      return result.kind === 'done'
        ? [id, true, result.value]
        : [id, false, failureOf(ledgerErrorOf(result.error, path))]
    })
  }

  const close = () => {
    db.exec('PRAGMA wal_checkpoint(PASSIVE)')
    db.close()
    port.close()
  }

  port.on('message', (first: Request) => {
    const queue: Call[] = []
    let isLast = false
    let next: Request | undefined = first
    do {
      for (; next !== undefined; next = isLast ? undefined : receive(port)) {
        if (next === 'close') isLast = true
        else queue.push(...next)
      }
      const groupCalls = Math.min(maxGroupCalls, Math.max(minGroupCalls, Math.ceil(queue.length / 2)))
      if (queue.length > 0) answer(commitCalls(queue.splice(0, groupCalls)))
      next = isLast ? undefined : receive(port)
    } while (next !== undefined || queue.length > 0)
    if (isLast) close()
  })
  answer({ kind: 'opened' })
}

function receive(port: MessagePort): Request | undefined {
  return receiveMessageOnPort(port)?.message as Request | undefined
}

function stepOf([, operation, args]: Call, books: Books & JournalBooks): Step {
  // The client's types have paired the operation with its arguments.
  const run = books[operation] as (...args: readonly unknown[]) => unknown
  return { isWrite: !reads.has(operation), run: () => run(...args) }
}

serve()
