/** `limits`: what a bottle may use of its host, in bottle files and, as the host's own defaults, in settings.yml. */
import { byteSizeInWords, byteSizePattern, parseByteSize } from '../limits/byte-size.ts'
import type { Limits } from '../limits/limits.ts'
import { foundInWords } from './bounded-yaml.ts'
import { key, mapping } from './collection-notations.ts'
import type { Sourced } from './definition.ts'
import { converted, type Notation, sourced, wrong } from './notation.ts'
import { wholeNumber } from './scalar-notations.ts'

/** Absent: what lies farther says it. */
export type WrittenLimits = { readonly [Name in keyof Limits]?: Sourced<Limits[Name]> }

/** The nearest first. */
export function limitsOf(written: readonly WrittenLimits[], defaults: Limits): Limits {
  const nearest = <Name extends keyof Limits>(name: Name) =>
    written.map((layer) => layer[name]).find((said) => said !== undefined)
  return {
    memoryBytes: (nearest('memoryBytes') ?? { value: defaults.memoryBytes }).value,
    processes: (nearest('processes') ?? { value: defaults.processes }).value,
    diskBytes: (nearest('diskBytes') ?? { value: defaults.diskBytes }).value,
    cpuWeight: (nearest('cpuWeight') ?? { value: defaults.cpuWeight }).value,
  }
}

const unlimited = 'unlimited'

function size(minimumBytes: number): Notation<number | null> {
  return orUnlimited({
    read(node, reading) {
      const bytes = node.kind === 'scalar' ? parseByteSize(node.text) : undefined
      if (bytes === undefined) {
        const expected = 'a size such as 512MiB or 2GiB (KiB, MiB, GiB, TiB), or unlimited'
        return wrong(node, reading, `expected ${expected}, found ${foundInWords(node)}`)
      }
      if (bytes >= minimumBytes) return bytes
      return wrong(node, reading, `at least ${byteSizeInWords(minimumBytes)} are needed, found ${foundInWords(node)}`)
    },
    print: byteSizeInWords,
    schema: { type: 'string', pattern: `^${byteSizePattern}$` },
  })
}

function orUnlimited(notation: Notation<number>): Notation<number | null> {
  return {
    read: (node, reading) => (node.kind === 'scalar' && node.text === unlimited ? null : notation.read(node, reading)),
    print: (value) => (value === null ? unlimited : notation.print(value)),
    schema: { anyOf: [notation.schema, { const: unlimited }] },
  }
}

const MiB = 2 ** 20

export const limitsKeys = {
  memory: key(
    "Memory of all its processes together, e.g. 2GiB, or unlimited. Default: half of the host's.",
    sourced(size(32 * MiB)),
  ),
  processes: key(
    'Processes and threads at a time, or unlimited. Default: 4096.',
    sourced(orUnlimited(wholeNumber({ minimum: 16, maximum: 1_000_000 }))),
  ),
  disk: key(
    'What its home and the layer over its workspace may take of the disk, e.g. 5GiB, or unlimited. Default: 20GiB.',
    sourced(size(16 * MiB)),
  ),
  cpu_weight: key(
    'Its share where processors are short: 100 as a program of the host, 50 (default) half as much.',
    sourced(wholeNumber({ minimum: 1, maximum: 100 })),
  ),
}

export const limitsNotation = converted(mapping(limitsKeys), {
  from: ({ memory, processes, disk, cpu_weight }): WrittenLimits => ({
    ...(memory && { memoryBytes: memory }),
    ...(processes && { processes }),
    ...(disk && { diskBytes: disk }),
    ...(cpu_weight && { cpuWeight: cpu_weight }),
  }),
  to: ({ memoryBytes, processes, diskBytes, cpuWeight }) => ({
    ...(memoryBytes && { memory: memoryBytes }),
    ...(processes && { processes }),
    ...(diskBytes && { disk: diskBytes }),
    ...(cpuWeight && { cpu_weight: cpuWeight }),
  }),
})
