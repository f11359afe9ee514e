/** Looks at what bottles have on the disk: every half second, and ten times a second where one has no room left. */
import { parentPort } from 'node:worker_threads'
import { createDiskLook, type WatchedDisk } from './look.ts'

const quietMs = 500
const tightMs = 100

let bottles: readonly WatchedDisk[] = []
parentPort?.on('message', (watched: readonly WatchedDisk[]) => {
  bottles = watched
})
const lookAtDisks = createDiskLook(() => performance.now())

function look(): void {
  const { ended, isTight } = lookAtDisks(bottles)
  if (ended.length > 0) parentPort?.postMessage(ended)
  setTimeout(look, isTight ? tightMs : quietMs)
}

look()
