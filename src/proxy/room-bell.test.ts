import { describe, expect, it } from 'vitest'
import { createRoomBell } from './room-bell.ts'

const never = new AbortController().signal

describe('the room bell', () => {
  it('wakes everyone who waits, once for each ring', async () => {
    const bell = createRoomBell()
    const woken: string[] = []
    const waiting = ['a', 'b'].map((name) => bell.rungSince(bell.rings, never).then(() => woken.push(name)))
    bell.ring()
    await Promise.all(waiting)
    expect(woken).toEqual(['a', 'b'])
  })

  it('does not miss a ring between asking for room and waiting for it (L03)', async () => {
    const bell = createRoomBell()
    const { rings } = bell
    bell.ring()
    await bell.rungSince(rings, never)
    expect(bell.rings).toBe(rings + 1)
  })

  it('lets go of who is no longer interested, before and while waiting', async () => {
    const bell = createRoomBell()
    await bell.rungSince(bell.rings, AbortSignal.abort())
    const controller = new AbortController()
    const waiting = bell.rungSince(bell.rings, controller.signal)
    controller.abort()
    await waiting
    expect(bell.rings).toBe(0)
  })
})
