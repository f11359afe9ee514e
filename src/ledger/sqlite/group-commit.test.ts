import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { counterKey, reserveRequest, settleRequest } from '../ledger.contract.ts'
import { type Books, createBooks } from './books.ts'
import { createGroupCommit, type Step } from './group-commit.ts'
import { openDatabase } from './open-database.ts'

describe('the group commit', () => {
  let directory: string
  let db: DatabaseSync
  let books: Books

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'bot-bottle-ledger-'))
    db = openDatabase({ path: join(directory, 'ledger.db'), busyTimeoutMs: 20 })
    books = createBooks({ db, owner: 'here', now: () => 0, isShared: false })
  })
  afterEach(() => {
    db.close()
    rmSync(directory, { recursive: true })
  })

  const write = (run: () => unknown): Step => ({ isWrite: true, run })
  const reserve = (attemptId: string) => write(() => books.reserve(reserveRequest(attemptId)))
  const failing = (attemptId: string) =>
    write(() => {
      books.reserve(reserveRequest(attemptId))
      throw new Error('after its writes')
    })

  it('undoes all of a step that throws and keeps its neighbours', () => {
    const kinds = createGroupCommit(db, { busyTimeoutMs: 20 })([
      reserve('a'),
      failing('b'),
      reserve('c'),
      failing('d'),
    ]).map(({ kind }) => kind)
    expect(kinds).toEqual(['done', 'failed', 'done', 'failed'])
    expect(books.counters()).toMatchObject([{ reservedTokens: 200 }])
    expect(books.extend('b', 1)).toEqual({ kind: 'gone' })
    expect(db.isTransaction).toBe(false)
  })

  it('undoes a single step that throws', () => {
    expect(createGroupCommit(db, { busyTimeoutMs: 20 })([failing('a')])).toEqual([
      { kind: 'failed', error: new Error('after its writes') },
    ])
    expect(books.counters()).toEqual([])
  })

  it('loses nothing that it acknowledged when the disk is full, and works again when there is room (L09)', () => {
    const commit = createGroupCommit(db, { busyTimeoutMs: 20 })
    const { page_count } = db.prepare('PRAGMA page_count').get() as { readonly page_count: number }
    db.exec(`PRAGMA max_page_count = ${page_count + 12}`)
    const settled: string[] = []
    let failures = 0
    for (let group = 0; group < 40; group++) {
      const ids = Array.from({ length: 16 }, (_, index) => `${group}-${index}`)
      const results = commit(
        ids.map((id) =>
          write(() => {
            books.reserve(reserveRequest(id))
            return books.settle(settleRequest(id))
          }),
        ),
      )
      for (const [index, { kind }] of results.entries()) {
        if (kind === 'done') settled.push(ids[index] ?? '')
        else failures++
      }
    }
    expect(failures).toBeGreaterThan(0)
    expect(books.events({ limit: 1_000 }).map(({ attemptId }) => attemptId)).toEqual(settled)
    expect(books.counters()).toMatchObject([{ settledTokens: settled.length * 90, reservedTokens: 0 }])
    expect(books.verify()).toEqual([])
    db.exec(`PRAGMA max_page_count = ${page_count + 1_000}`)
    expect(commit([reserve('after')])).toMatchObject([{ kind: 'done' }])
  })

  it('reads without waiting for another writer', () => {
    const other = openDatabase({ path: join(directory, 'ledger.db'), busyTimeoutMs: 0 })
    other.exec('BEGIN IMMEDIATE')
    const commit = createGroupCommit(db, { busyTimeoutMs: 20 })
    expect(commit([{ isWrite: false, run: () => books.counters() }])).toEqual([{ kind: 'done', value: [] }])
    expect(commit([reserve('a'), reserve('b')])).toMatchObject([{ kind: 'failed' }, { kind: 'failed' }])
    other.close()
  })

  it('rebuilds a counter that was lost from the events and the open holds (I6, L12)', () => {
    const host = counterKey('host')
    createGroupCommit(db, { busyTimeoutMs: 20 })([
      reserve('a'),
      reserve('b'),
      reserve('c'),
      write(() => books.settle(settleRequest('a', { chargeTokens: 7 }))),
    ])
    const forget = () => db.exec('DELETE FROM counter')
    forget()
    expect(books.verify()).toEqual([{ ...host, settledTokens: 0, eventTokens: 7 }])
    books.setLimit(host, 500)
    expect(books.counter(host)).toEqual({ ...host, limitTokens: 500, settledTokens: 7, reservedTokens: 200 })
    forget()
    expect(books.settle(settleRequest('b', { chargeTokens: 5 }))).toMatchObject({
      counters: [{ settledTokens: 12, reservedTokens: 100 }],
    })
    forget()
    books.reserve(reserveRequest('d'))
    expect(books.counters()).toMatchObject([{ settledTokens: 12, reservedTokens: 200 }])
    expect(books.verify()).toEqual([])
  })

  it.each(['usage_event', 'enforcement'])('cannot change or remove a row of %s', (table) => {
    books.reserve(reserveRequest('a'))
    books.settle(settleRequest('a'))
    const intent = {
      enforcementId: 'e',
      bottleId: 'b',
      action: 'kill',
      trigger: 'operator',
      reason: '',
      nowMs: 0,
    } as const
    books.beginEnforcement(intent)
    expect(() => db.exec(`UPDATE ${table} SET bottle_id = 'x'`)).toThrow('append-only')
    expect(() => db.exec(`DELETE FROM ${table}`)).toThrow('append-only')
  })
})
