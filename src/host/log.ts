/**
 * What a controller tells its operator, one event a line: as JSON for machines (`time`, `level`, `msg`, and what the event is about),
 * or for eyes. Texts come from elsewhere in part: nothing in a line breaks it, or moves a cursor (S16). Nothing secret is told: whoever
 * logs gives sentences and names, never an environment, a head or a body.
 */
import { type LogLevel, logLevels } from '../core/log-level.ts'

export type LogFields = Readonly<Record<string, string | number | boolean | null>>

export interface LogLine extends LogFields {
  readonly time: string
  readonly level: LogLevel
  readonly msg: string
}

export type Log = Readonly<Record<LogLevel, (msg: string, fields?: LogFields) => void>>

export interface LogOptions {
  /** What is less than this is not told. */
  readonly level: LogLevel
  readonly nowMs: () => number
  write(line: LogLine): void
  /** Takes credentials out of a text, in case that an error repeats one. */
  clean(text: string): string
}

/** Of one text; the rest is left out. */
export const maxLogCharacters = 16 * 1024

export function createLog({ level, nowMs, write, clean }: LogOptions): Log {
  const least = logLevels.indexOf(level)
  const at =
    (one: LogLevel) =>
    (msg: string, fields: LogFields = {}) => {
      if (logLevels.indexOf(one) < least) return
      const told = Object.entries(fields).map(([name, value]) => [
        name,
        typeof value === 'string' ? inert(clean(value)) : value,
      ])
      write({ time: new Date(nowMs()).toISOString(), level: one, msg: inert(clean(msg)), ...Object.fromEntries(told) })
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** `2026-11-22T08:00:00.000Z warn  the sentence (bottle=web-3fa2c1)` */
export function lineForEyes({ time, level, msg, ...fields }: LogLine): string {
  const about = Object.entries(fields).map(([name, value]) => `${name}=${value}`)
  return `${time} ${level.padEnd(5)} ${msg}${about.length > 0 ? ` (${about.join(' ')})` : ''}`
}

/** Line ends stay, those of stacks. */
function inert(text: string): string {
  return text.slice(0, maxLogCharacters).replaceAll(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '')
}
