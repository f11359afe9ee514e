/** Kills and replaces the controllers of a host at random. */
import { setTimeout as delay } from 'node:timers/promises'
import { killIfThere } from '../fakes/marked-processes.ts'
import type { SeededRandom } from '../fakes/seeded-random.ts'
import type { Journal } from './journal.ts'
import type { SoakHost } from './soak-host.ts'

export interface Harassment {
  readonly host: SoakHost
  readonly random: SeededRandom
  readonly journal: Journal
  readonly isOver: () => boolean
}

export async function harass({ host, random, journal, isOver }: Harassment): Promise<void> {
  const kill = async (signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT') => {
    for (const pid of await host.controllerPids()) {
      journal.note(`controller ${pid}: ${signal}`)
      if (signal === 'SIGKILL') killIfThere(pid)
      else process.kill(pid, signal)
    }
  }
  while (!isOver()) {
    await delay(1_000 + random.below(4_000))
    if (isOver()) return
    const act = random.pick(['kill', 'kill', 'kill twice', 'restart', 'hang'])
    journal.count(`${act} the controller`)
    switch (act) {
      case 'kill':
        await kill('SIGKILL')
        break
      case 'kill twice':
        await kill('SIGKILL')
        await delay(random.below(800))
        await kill('SIGKILL')
        break
      case 'restart':
        journal.note('controller restart')
        await host.start(['controller', 'restart']).ended
        break
      case 'hang':
        await kill('SIGSTOP')
        await delay(300)
        await kill('SIGCONT')
    }
  }
}
