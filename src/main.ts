#!/usr/bin/env node
// Nothing that needs Node 24 may be loaded before the version is known: an older one would only say "SyntaxError". Nor may
// this file hold what an older one cannot read: down to Node 12, that is no `await` at the top.
const needed = 24
// For an end that nobody foresaw, before there is an exit code.
process.exitCode = 1
if (Number.parseInt(process.versions.node, 10) < needed) {
  process.stderr.write(
    `bot-bottle: Node ${needed} or newer is needed, and this is Node ${process.versions.node}\n` +
      `  hint: Install it from https://nodejs.org, or with npm: npm install --global node@${needed}\n`,
  )
} else {
  void import('./cli/cli.ts')
    .then(({ runCli }) =>
      runCli(process.argv.slice(2), {
        controller: () => import('./controller/main.ts'),
        doctor: () => import('./controller/doctor.ts'),
        ledger: () => import('./controller/ledger-file.ts'),
        sharedLedger: () => import('./controller/shared-ledger.ts'),
        dashboard: () => import('./dashboard/dashboard.ts'),
        demo: () => import('./demo/demo.ts'),
      }),
    )
    .then((exitCode) => {
      process.exitCode = exitCode
    })
}
