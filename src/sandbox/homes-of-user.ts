import { realpath } from 'node:fs/promises'
import { homedir, userInfo } from 'node:os'

/** Both what HOME says and what the system says: neither may become visible to a bottle as a whole. */
export async function homesOfUser(): Promise<readonly string[]> {
  const homes = [homedir()]
  try {
    homes.push(userInfo().homedir)
  } catch {
    // A user without an entry, as in many containers.
  }
  return [...new Set(await Promise.all(homes.map((home) => realpath(home).catch(() => home))))]
}
