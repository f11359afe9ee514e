import { didYouMeanId } from '../core/did-you-mean.ts'
import { BottleError } from '../core/errors.ts'
import type { Ledger } from '../ledger/ledger.ts'

/** The error for an id that no bottle ever had. */
export async function noSuchBottle(id: string, ledger: Pick<Ledger, 'bottles'>): Promise<BottleError> {
  const ids = (await ledger.bottles({ living: false })).map((row) => row.id)
  const meant = didYouMeanId(id, ids)
  return new BottleError('not_found', `there is no bottle "${id}"`, {
    hint: meant === undefined ? 'List them with: bot-bottle ps --all' : `Did you mean ${meant}?`,
  })
}
