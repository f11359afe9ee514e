import { Command, InvalidArgumentError } from 'commander'
import { BottleError } from '../../core/errors.ts'
import { routesAsYaml } from '../../core/manifest/learned-routes.ts'
import { type WrittenEgress, writtenEgress } from '../../core/manifest/written-egress.ts'
import { connect, connectOrStart } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { effectiveDefinition, isDefinition } from '../effective-definition.ts'
import { inert, inertJson } from '../inert.ts'
import { type RouteRow, routeRows } from '../route-rows.ts'
import { tableLines } from '../table.ts'
import { type RouteTest, type TestedRequest, testRoute } from '../test-route.ts'

export function routesCommand(context: CliContext): Command {
  return new Command('routes')
    .enablePositionalOptions()
    .description(
      'Lists what a bottle may reach, the credential that the proxy adds, and where each is written. Everything else is refused.',
    )
    .argument('<bottle>', 'an agent, a bottle definition, or the id of a running bottle')
    .option('--json', 'print them as JSON: a list of RouteRow')
    .addHelpText(
      'after',
      `
Examples:
  bot-bottle routes web
  bot-bottle routes test web GET https://api.github.com/repos/o/r
`,
    )
    .action(async (name: string, { json = false }: { readonly json?: boolean }) => {
      const rows = routeRows(await egressOf(context, name))
      if (json) return context.print(inertJson(rows))
      if (rows.length === 0) return context.tell(`"${name}" has no provider and no route: it reaches nothing`)
      for (const line of tableLines(columns, rows.map(cells), context.widthColumns)) context.print(line)
    })
    .addCommand(testCommand(context))
    .addCommand(learnedCommand(context))
}

const columns = ['HOST', 'METHOD', 'PATH', 'WHAT', 'CREDENTIAL', 'FROM'].map((title) => ({ title }))

function cells({ host, methods, paths, treatment, provider, credential, providerTools, webSocket, from }: RouteRow) {
  const what = [
    provider === null ? treatment : `${treatment} (${provider})`,
    ...(webSocket ? ['WebSocket'] : []),
    ...(providerTools.length > 0 ? [`with ${providerTools.join(', ')}`] : []),
  ]
  return [host, methods.join(','), paths.join(' '), what.join(', '), credential, from]
}

function testCommand(context: CliContext): Command {
  return new Command('test')
    .description(
      'Tells what the proxy would do with a request, and by what it decides. Exits with 3 if it would be refused. Nothing is sent.',
    )
    .argument('<bottle>', 'an agent, a bottle definition, or the id of a running bottle')
    .argument('<method>', 'e.g. GET', readMethod)
    .argument('<url>', 'e.g. https://api.github.com/repos/o/r', readUrl)
    .option('--json', 'print it as JSON: a RouteTest')
    .action(async (name: string, method: string, url: SplitUrl, { json = false }: { readonly json?: boolean }) => {
      const test = testRoute(await egressOf(context, name), { method, ...url })
      if (test.verdict === 'refused') context.exit(3)
      if (json) return context.print(inertJson(test))
      context.print(inert(inWords(test)))
    })
}

function learnedCommand(context: CliContext): Command {
  return new Command('learned')
    .description('Prints the routes that would allow what a bottle asked for while it learned (start --learn).')
    .argument('<id>', 'the id of a bottle, running or ended')
    .option('--json', 'print them as JSON: a list of Route')
    .action(async (id: string, { json = false }: { readonly json?: boolean }) => {
      const routes = await (await connectOrStart(context)).learned(id)
      if (json) return context.print(inertJson(routes))
      if (routes.length === 0) return context.tell(`${id} learned nothing`)
      for (const line of routesAsYaml(routes).trimEnd().split('\n')) context.print(inert(line))
    })
}

function inWords({ verdict, status, code, reason, provider, rule, credential, from }: RouteTest): string {
  if (verdict === 'refused') return `refused (${status} ${code}): ${reason}`
  const of = provider === null ? '' : ` (${provider})`
  return `${verdict}${of} by ${rule}, ${credential === null ? 'without a credential' : `with ${credential}`}; from ${from}`
}

/** From the files, as a start would use it now; of a running bottle what it was started with. */
async function egressOf(context: CliContext, name: string): Promise<WrittenEgress> {
  if (!(await isDefinition(context, name)) && isBottleId(name)) return (await connect(context)).egress(name)
  const { bottle } = await effectiveDefinition(context, name)
  if (bottle) return writtenEgress(bottle)
  throw new BottleError('usage', `the agent "${name}" names no bottle`, {
    hint: 'Give the name of a bottle definition.',
  })
}

function isBottleId(name: string): boolean {
  return /-[0-9a-f]{6}$/.test(name)
}

/** As HTTP has them; they are compared letter by letter. */
function readMethod(text: string): string {
  if (/^[A-Za-z-]{1,32}$/.test(text)) return text.toUpperCase()
  throw new InvalidArgumentError('Write a method of HTTP, e.g. GET.')
}

type SplitUrl = Omit<TestedRequest, 'method'>

/** Split, not parsed: a parser would mend what the proxy refuses. */
function readUrl(text: string): SplitUrl {
  const [, scheme, authority, target] = /^(https?|wss?):\/\/([^/?#]+)([/?][^#]*)?$/.exec(text) ?? []
  if (scheme === undefined || authority === undefined) {
    throw new InvalidArgumentError('Write a whole URL, e.g. https://api.github.com/repos/o/r.')
  }
  return { scheme, authority, target: target?.startsWith('/') ? target : `/${target ?? ''}` }
}
