/**
 * Texts of the kinds that agents send: taken at run time from the packages that are installed here, or generated. So they
 * are the same for the same lockfile, and nothing foreign is kept in the repository.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const textKinds = [
  'prose',
  'code',
  'json',
  'minified',
  'cjk',
  'script',
  'listing',
  'diff',
  'numbers',
  'base64',
] as const
export type TextKind = (typeof textKinds)[number]

/** 0 ≤ x < 1, the same row for the same seed. */
export type Random = () => number

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface Corpus {
  /** A piece of about so many characters, cut at line ends where there are some. */
  take(kind: TextKind, characters: number, random: Random): string
}

const modules = fileURLToPath(new URL('../../node_modules', import.meta.url))
const maxFileCharacters = 200_000

export async function loadCorpus(): Promise<Corpus> {
  const code = [
    ...(await filesBelow(join(modules, 'zod/v4/core'), /\.js$/)),
    ...(await filesBelow(join(modules, 'commander/lib'), /\.js$/)),
    ...(await filesBelow(join(modules, 'openai/src'), /\.ts$/, 40)),
  ]
  const locales = (pattern: RegExp) => filesBelow(join(modules, 'zod/v4/locales'), pattern)
  const paths: Readonly<Record<Exclude<TextKind, 'listing' | 'diff' | 'numbers' | 'base64'>, readonly string[]>> = {
    prose: ['commander', 'zod', 'fast-check', 'openai', 'ws', 'yaml', 'vitest', 'ai', '@anthropic-ai/sdk'].map((name) =>
      join(modules, name, 'README.md'),
    ),
    code,
    json: [
      join(modules, '@biomejs/biome/configuration_schema.json'),
      join(modules, 'protobufjs/google/protobuf/descriptor.json'),
    ],
    minified: await filesBelow(join(modules, 'protobufjs/dist'), /\.min\.js$/),
    cjk: [
      ...['zh-CN', 'zh-TW', 'ja', 'kr'].map((name) => join(modules, `@biomejs/biome/README.${name}.md`)),
      ...(await locales(/^(zh-CN|zh-TW|ja|ko)\.js$/)),
    ],
    script: [join(modules, '@biomejs/biome/README.uk.md'), ...(await locales(/^(ru|uk|ar|he|th|bg|fa|ka)\.js$/))],
  }
  const texts = new Map<TextKind, readonly string[]>()
  for (const [kind, files] of Object.entries(paths)) {
    const isForeign = kind === 'cjk' || kind === 'script'
    texts.set(kind as TextKind, await readAll(files, isForeign ? foreignLines : (text) => text))
  }
  return {
    take(kind, characters, random) {
      if (kind === 'base64') return lines(base64(Math.ceil((characters * 3) / 4), random))
      if (kind === 'listing') return listing(characters, random)
      if (kind === 'numbers') return numbers(characters, random)
      if (kind === 'diff') return asDiff(excerpt(texts.get('code') ?? [], characters, random), random)
      return excerpt(texts.get(kind) ?? [], characters, random)
    },
  }
}

/** An image as clients send it: bytes that say little, as base64. */
export function base64(byteCount: number, random: Random): string {
  const words = Uint32Array.from({ length: Math.ceil(byteCount / 4) }, () => random() * 2 ** 32)
  return Buffer.from(words.buffer, 0, byteCount).toString('base64')
}

async function filesBelow(directory: string, pattern: RegExp, max = 200): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .slice(0, max)
}

/** A file that another version of a package no longer has is left out; a kind without any text is an error. */
async function readAll(paths: readonly string[], filter: (text: string) => string): Promise<readonly string[]> {
  const read = await Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => '')))
  const texts = read.map((text) => filter(text).slice(0, maxFileCharacters)).filter((text) => text.length > 400)
  if (texts.length === 0) throw new Error(`no text was found in ${paths.join(', ')}`)
  return texts
}

/** Those that are mostly of another script than Latin. */
function foreignLines(text: string): string {
  const lines = text.split('\n')
  return lines.filter((line) => [...line].filter((letter) => letter > '\u02ff').length > line.length * 0.2).join('\n')
}

function excerpt(texts: readonly string[], characters: number, random: Random): string {
  const text = texts[Math.floor(random() * texts.length)] ?? ''
  const start = Math.floor(random() * Math.max(0, text.length - characters))
  const lineStart = text.indexOf('\n', start) + 1
  const from = lineStart > 0 && lineStart - start < 200 ? lineStart : start
  return text.slice(from, from + characters).toWellFormed()
}

function lines(text: string): string {
  return text.replaceAll(/.{76}/g, '$&\n')
}

function listing(characters: number, random: Random): string {
  const names = ['index', 'main', 'exchange', 'ledger', 'README', 'package', 'estimate', 'worker', 'a', 'settings']
  const endings = ['.ts', '.js', '.md', '.json', '.test.ts', '']
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)]
  let text = 'total 312\n'
  while (text.length < characters) {
    const size = Math.floor(random() * 90_000)
    const time = `Nov ${1 + Math.floor(random() * 28)} ${10 + Math.floor(random() * 12)}:${10 + Math.floor(random() * 49)}`
    text += `-rw-r--r-- 1 user user ${String(size).padStart(6)} ${time} src/${pick(names)}-${pick(names)}${pick(endings)}\n`
  }
  return text.slice(0, characters)
}

function numbers(characters: number, random: Random): string {
  let text = ''
  while (text.length < characters) {
    const row = Array.from({ length: 5 }, () => (random() * 10 ** Math.floor(random() * 7)).toFixed(3))
    text += random() < 0.3 ? `${Math.floor(random() * 2 ** 48).toString(16)}\n` : `${row.join(',')}\n`
  }
  return text.slice(0, characters)
}

function asDiff(text: string, random: Random): string {
  const lines = text.split('\n').map((line) => `${[' ', ' ', '+', '-'][Math.floor(random() * 4)]}${line}`)
  return `@@ -12,40 +12,44 @@\n${lines.join('\n')}`
}
