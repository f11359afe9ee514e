/**
 * `manifest.json` of an exported snapshot: what is in the archive, and what of the bottle is in no file of it. Whoever imports it reads
 * it from a stranger's file: everything is checked here.
 */
import { z } from 'zod'
import { BottleError } from '../errors.ts'

const version = 1

const tokens = z.int().nonnegative()
const providerName = z.string().min(1).max(64)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const bottleId = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,79}$/)

const layer = z.object({
  stack: z.enum(['workspace', 'home']),
  kind: z.enum(['overlay', 'copy']),
  /** Its folder; `first` is what the home began with. */
  name: z.string().regex(/^(?:sealed-[1-9][0-9]{0,8}|tree|first)$/),
  sha256,
})

const spent = z.object({
  provider: providerName,
  /** '' where it is unknown. */
  model: z.string().max(200),
  inputTokens: tokens,
  cacheWriteTokens: tokens,
  cacheWrite1hTokens: tokens,
  cacheReadTokens: tokens,
  outputTokens: tokens,
  reasoningTokens: tokens,
  chargeTokens: tokens,
  estimatedTokens: tokens,
})

const manifest = z.object({
  format: z.literal('bot-bottle snapshot'),
  version: z.literal(version),
  bottle: z.object({
    id: bottleId,
    agent: z.string().min(1).max(200),
    definitions: z.array(z.string().max(200)).max(200),
    policy: z.enum(['cutoff', 'freeze', 'kill']),
    createdAtMs: tokens,
  }),
  layers: z.array(layer).max(200),
  /** What was used in it so far, by provider and model. */
  spent: z.array(spent).max(1000),
  /** What an operator set for it, or was given at its start. */
  limits: z
    .array(z.object({ provider: providerName, period: z.string().max(20), limitTokens: tokens, always: z.boolean() }))
    .max(64),
})

export type SnapshotManifest = z.output<typeof manifest>

export function snapshotManifest(content: Omit<SnapshotManifest, 'format' | 'version'>): SnapshotManifest {
  return { format: 'bot-bottle snapshot', version, ...content }
}

/** Throws BottleError `usage` for what is no such manifest, or that of a newer version. */
export function parseSnapshotManifest(text: string): SnapshotManifest {
  const found = orNothing(text)
  const given = z.object({ format: z.literal('bot-bottle snapshot'), version: z.int().min(1) }).safeParse(found)
  if (!given.success) throw new BottleError('usage', 'this is no snapshot of a bottle')
  if (given.data.version > version) {
    throw new BottleError('usage', `this snapshot is of version ${given.data.version}, and this one knows ${version}`, {
      hint: 'Update bot-bottle here, or export it with an older one.',
    })
  }
  const parsed = manifest.safeParse(found)
  if (parsed.success) return parsed.data
  throw new BottleError('usage', `the manifest of the snapshot is broken: ${z.prettifyError(parsed.error)}`)
}

function orNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
