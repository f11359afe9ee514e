/**
 * The program in a bottle of the soak: `node soak-program.ts LANES SEED NAME…`. It notes its last NAME in its workspace and its
 * home, tells what it finds noted in both (`began BOTTLE NAME…`), and then asks as `load-program.ts` does.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

const files = ['began', join(process.env.HOME ?? '', 'began')]
for (const file of files) appendFileSync(file, `${process.argv.at(-1)}\n`)
const [inWorkspace, inHome] = files.map((file) => readFileSync(file, 'utf8'))
const began = inWorkspace === inHome ? inWorkspace : `workspace and home differ: ${inWorkspace} ${inHome}`
process.stdout.write(`began ${hostname()} ${began?.trim().replaceAll('\n', ' ')}\n`)
await import('../fakes/load-program.ts')
