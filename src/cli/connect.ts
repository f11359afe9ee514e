import { type ControllerClient, connectController } from '../controller/client.ts'
import { packageVersion } from '../host/version.ts'
import type { CliContext } from './context.ts'

/** The running controller; an error that says how to get one otherwise. For commands that only look or end something. */
export function connect({ home, env }: CliContext): Promise<ControllerClient> {
  return connectController({ home, start: false, env })
}

/** The running controller, or a new one. One of another version is told: it stays until its last bottle ends. */
export async function connectOrStart(context: CliContext): Promise<ControllerClient> {
  const client = await connectController({ home: context.home, start: true, env: context.env })
  const { version } = await client.status()
  if (version !== packageVersion()) {
    context.tell(
      `the controller is version ${version}, this is ${packageVersion()}; "bot-bottle controller restart" replaces it, and bottles live on`,
    )
  }
  return client
}
