/** Looks at the memory of bottles: every half second, and ten times a second once one has used half of its limit. */
import { parentPort } from 'node:worker_threads'
import type { WatchedBottle } from '../bottle-processes.ts'
import { lookAtMemory } from './look.ts'

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
