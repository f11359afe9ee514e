import { once } from 'node:events'

/** What a command prints that may be long, byte for byte: whoever reads slowly is waited for. */
export async function writeOut(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
}
