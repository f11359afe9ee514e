#!/usr/bin/env node
// Nothing that needs Node 24 may be loaded before the version is known: an older one would only say "SyntaxError".
const needed = 24
if (Number.parseInt(process.versions.node, 10) < needed) {
  process.stderr.write(
    `bot-bottle: Node ${needed} or newer is needed, and this is Node ${process.versions.node}\n` +
      `  hint: Install it from https://nodejs.org, or with npm: npm install --global node@${needed}\n`,
  )
  process.exitCode = 1
} else {
  const { runCli } = await import('./cli/cli.ts')
  process.exitCode = await runCli(process.argv.slice(2), {
    controller: () => import('./controller/main.ts'),
    doctor: () => import('./controller/doctor.ts'),
    ledger: () => import('./controller/ledger-file.ts'),
    demo: () => import('./demo/demo.ts'),
  })
}
