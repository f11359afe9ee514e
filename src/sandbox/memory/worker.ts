/** Looks at the memory of bottles in a thread of its own, so that thousands of processes in them hold up no request. */
import { parentPort } from 'node:worker_threads'
import { lookAtMemory, type WatchedBottle } from './look.ts'

const quietMs = 500
const tightMs = 100

let bottles: readonly WatchedBottle[] = []
parentPort?.on('message', (watched: readonly WatchedBottle[]) => {
  bottles = watched
})

function look(): void {
  const { ended, isTight } = lookAtMemory(bottles)
  if (ended.length > 0) parentPort?.postMessage(ended)
  setTimeout(look, isTight ? tightMs : quietMs)
}

look()
