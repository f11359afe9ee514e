/**
 * Opens a bottle as a controller does and is killed (-9) at one point: `node dying-controller.ts DIRECTORY POINT`. Prints the
 * bottle's reference before.
 *
 * - `unrecorded`: as soon as the bottle stands, before anybody could have written its reference down
 * - `recorded`: once the bottle was told to outlive its controller
 */
import { writeSync } from 'node:fs'
import { totalmem } from 'node:os'
import { defaultLimits } from '../../src/core/limits/limits.ts'
import { createBubblewrap } from '../../src/sandbox/bubblewrap/bubblewrap.ts'

const [directory = '', point] = process.argv.slice(2)
const sandbox = await createBubblewrap().open(
  {
    id: 'dying-controller',
    directory,
    command: ['/usr/bin/true'],
    env: {},
    workspace: { kind: 'none' },
    readOnlyPaths: [],
    homeFiles: {},
    limits: defaultLimits({ hostMemoryBytes: totalmem() }),
    nestedSandbox: false,
    caCertificate: 'certificate',
  },
  AbortSignal.timeout(20_000),
)
writeSync(1, JSON.stringify(sandbox.reference))
if (point === 'recorded') sandbox.outlive()
// The line to the holder is on its way once the event loop has turned.
setImmediate(() => process.kill(process.pid, 'SIGKILL'))
