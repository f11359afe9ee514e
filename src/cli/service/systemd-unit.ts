/**
 * The unit by which systemd runs the controller of a user. Bottles outlive its stop and its restart: the command that stops it leaves
 * them, and systemd ends no process but the controller's own (`KillMode=process`).
 */

export const unitName = 'bot-bottle.service'

export interface UnitOptions {
  /** Node and our own program: absolute paths. */
  readonly program: readonly [node: string, main: string]
  readonly home: string
  /** Where commands that print credentials are looked for, and the tools of the sandbox. */
  readonly searchPath: string
}

export function systemdUnit({ program, home, searchPath }: UnitOptions): string {
  const command = (...words: readonly string[]) => [...program.map(commandWord), 'controller', ...words].join(' ')
  return `[Unit]
Description=bot-bottle: the ledger, the budgets and the way out of every bottle

[Service]
Type=exec
Environment=${quoted(`BOT_BOTTLE_HOME=${home}`)} ${quoted(`PATH=${searchPath}`)}
ExecStart=${command('run', '--replace')}
ExecStop=${command('stop', '--leave-bottles', '--force')}
Restart=on-failure
RestartSec=1
KillMode=process
TimeoutStopSec=30

[Install]
WantedBy=default.target
`
}

/** systemd.syntax(7); `%` begins a specifier. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%')}"`
}

/** In a command line also variables are put in. */
function commandWord(text: string): string {
  return quoted(text).replaceAll('$', '$$$$')
}
