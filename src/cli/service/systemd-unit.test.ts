import { expect, test } from 'vitest'
import { systemdUnit } from './systemd-unit.ts'

test('the unit runs this very program, leaves bottles alone and is started with the user', () => {
  const program = ['/opt/node/bin/node', '/opt/bot-bottle/dist/main.js'] as const
  expect(systemdUnit({ program, home: '/home/you/.bot-bottle', searchPath: '/usr/bin:/bin' })).toMatchInlineSnapshot(`
    "[Unit]
    Description=bot-bottle: the ledger, the budgets and the way out of every bottle

    [Service]
    Type=exec
    Environment="BOT_BOTTLE_HOME=/home/you/.bot-bottle" "PATH=/usr/bin:/bin"
    ExecStart="/opt/node/bin/node" "/opt/bot-bottle/dist/main.js" controller run --replace
    ExecStop="/opt/node/bin/node" "/opt/bot-bottle/dist/main.js" controller stop --leave-bottles --force
    Restart=on-failure
    RestartSec=1
    KillMode=process
    TimeoutStopSec=30

    [Install]
    WantedBy=default.target
    "
  `)
})

test('paths are what they are, whatever systemd would read in them', () => {
  const unit = systemdUnit({ program: ['/a b/no"de', '/100%/$HOME/main.js'], home: '/h$%', searchPath: '/p' })
  expect(unit).toContain('ExecStart="/a b/no\\"de" "/100%%/$$HOME/main.js" controller run --replace\n')
  expect(unit).toContain('Environment="BOT_BOTTLE_HOME=/h$%%" "PATH=/p"\n')
})
