/** From the most to the least that is told. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

export const defaultLogLevel: LogLevel = 'info'
