/** Reads `settings.yml` and the certificate that it names. A missing file means the defaults, a wrong one is an error. */
import { X509Certificate } from 'node:crypto'
import { dirname, resolve } from 'node:path'
import { BottleError, messageOf } from '../core/errors.ts'
import { problemInWords } from '../core/manifest/definition.ts'
import { defaultSettings, parseSettings, type SettingsFile } from '../core/manifest/settings.ts'
import { hostPaths } from './paths.ts'
import { isMissing, readTextFile } from './text-file.ts'

export interface Settings extends Omit<SettingsFile, 'upstreamCa'> {
  /** An extra trust root for upstreams: the content of the PEM file. */
  readonly upstreamCa: string | null
}

export interface SettingsOptions {
  readonly home: string
  /** Names that a budget may have. */
  readonly providers: readonly string[]
}

const maxSettingsBytes = 256 * 1024
const maxCertificateBytes = 1024 * 1024

/** Throws BottleError `settings_invalid` with one line `FILE:LINE:COLUMN: …` for each problem. */
export async function readSettings({ home, providers }: SettingsOptions): Promise<Settings> {
  const path = hostPaths(home).settingsPath
  let text: string
  try {
    text = await readTextFile(path, { maxBytes: maxSettingsBytes })
  } catch (error) {
    if (isMissing(error)) return { ...defaultSettings, upstreamCa: null }
    throw new BottleError('settings_invalid', `${path}: ${messageOf(error)}`, { cause: error })
  }
  const parsed = parseSettings(text, { providers, file: path })
  if (parsed.kind === 'settings') {
    return { ...parsed.settings, upstreamCa: await readUpstreamCa(path, parsed.settings.upstreamCa) }
  }
  const lines = parsed.problems.map(problemInWords)
  throw new BottleError('settings_invalid', lines.join('\n'), {
    hint: lines.length === 1 ? 'Correct that line and try again.' : 'Correct these lines and try again.',
  })
}

async function readUpstreamCa(settingsPath: string, found: SettingsFile['upstreamCa']): Promise<string | null> {
  if (found === null) return null
  const path = resolve(dirname(settingsPath), found.path)
  const where = `${settingsPath}:${found.line}:${found.column}: upstream_ca`
  let pem: string
  try {
    pem = await readTextFile(path, { maxBytes: maxCertificateBytes })
  } catch (error) {
    const why = isMissing(error) ? `there is no file ${path}` : messageOf(error)
    throw new BottleError('settings_invalid', `${where}: ${why}`, {
      hint: 'Give the path of a PEM file with the certificate, relative to settings.yml.',
      cause: error,
    })
  }
  try {
    new X509Certificate(pem)
  } catch (error) {
    throw new BottleError('settings_invalid', `${where}: ${path} holds no PEM certificate`, {
      hint: 'It must begin with -----BEGIN CERTIFICATE-----.',
      cause: error,
    })
  }
  return pem
}
