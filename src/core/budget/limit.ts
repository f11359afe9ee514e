/** A budget in tokens for one provider, where its scope is known from the place it was found. */
export interface BudgetLimit {
  readonly provider: string
  readonly limitTokens: number
}

export type ParsedLimit =
  | { readonly kind: 'limit'; readonly limitTokens: number }
  /** `why` completes the sentence "… is no budget: …" and says what would work. */
  | { readonly kind: 'invalid'; readonly why: string }

/**
 * Reads the one spelling that a number of tokens has: decimal digits, from 0 (denies all) to 2^53 - 1. What other readers
 * of numbers let pass (`1e9`, `5_000`, `0x10`, `1.0`) is refused with the spelling that was most likely meant.
 */
export function parseLimitTokens(text: string): ParsedLimit {
  if (/^(?:0|[1-9]\d*)$/.test(text)) {
    const limitTokens = Number(text)
    if (Number.isSafeInteger(limitTokens)) return { kind: 'limit', limitTokens }
    return { kind: 'invalid', why: `it is larger than ${Number.MAX_SAFE_INTEGER}; leave the budget out for no limit` }
  }
  return { kind: 'invalid', why: whyNoLimit(text) }
}

function whyNoLimit(text: string): string {
  if (text.trim() === '') return 'a number of tokens is expected, e.g. 200000 (0 denies all)'
  if (/^-\s*\d/.test(text)) return 'it is negative; 0 denies all'
  const meant = meantTokens(text)
  if (meant !== undefined) return `only plain digits are read; write ${meant}`
  if (Number.isFinite(Number(text)) && /[.,]/.test(text)) return 'a token is not divisible; write a whole number'
  return 'a whole number of tokens is expected, e.g. 200000 (0 denies all)'
}

/** `5_000`, `5,000`, `5 000`, `200k`, `1.5m`, `1e9`, `007`, `+5`: what a person meant by it, if that is a whole number. */
function meantTokens(text: string): number | undefined {
  const grouped = /^\d{1,3}(?:([_,' \u00a0\u2009\u202f])\d{3})(?:\1\d{3})*$/.test(text)
  const plain = grouped ? text.replaceAll(/\D/g, '') : text
  const found = /^\+?(\d+(?:\.\d+)?(?:e\+?\d{1,2})?)\s*([km]?)$/i.exec(plain)
  if (!found) return undefined
  const factor = { '': 1, k: 1_000, m: 1_000_000 }[(found[2] ?? '').toLowerCase()] ?? 1
  const tokens = Math.round(Number(found[1]) * factor * 1_000) / 1_000
  return Number.isSafeInteger(tokens) ? tokens : undefined
}

/** `--budget [PROVIDER=]N`. `provider: null`: the bottle's only one. */
export type BudgetFlag =
  | { readonly kind: 'budget'; readonly provider: string | null; readonly limitTokens: number }
  | { readonly kind: 'invalid'; readonly why: string }

export function parseBudgetFlag(text: string): BudgetFlag {
  const split = text.lastIndexOf('=')
  const provider = split === -1 ? null : text.slice(0, split)
  if (provider === '') return { kind: 'invalid', why: 'the provider before "=" is missing, e.g. claude=200000' }
  const limit = parseLimitTokens(text.slice(split + 1))
  return limit.kind === 'invalid' ? limit : { kind: 'budget', provider, limitTokens: limit.limitTokens }
}

export type ResolvedBudgets =
  | { readonly kind: 'budgets'; readonly budgets: readonly BudgetLimit[] }
  | { readonly kind: 'invalid'; readonly why: string }

/** Gives budgets without a provider to the bottle's only one; refuses unknown providers and two budgets for one. */
export function resolveBudgets(
  flags: readonly { readonly provider: string | null; readonly limitTokens: number }[],
  providers: readonly string[],
): ResolvedBudgets {
  const budgets = new Map<string, number>()
  const named = providers.join(', ')
  for (const { provider, limitTokens } of flags) {
    const known = provider ?? (providers.length === 1 ? providers[0] : undefined)
    if (known === undefined) {
      const why = providers.length === 0 ? 'the bottle uses no provider' : `the bottle uses ${named}`
      return {
        kind: 'invalid',
        why: `--budget ${limitTokens} names no provider, and ${why}; write PROVIDER=${limitTokens}`,
      }
    }
    if (!providers.includes(known)) {
      const uses = providers.length === 0 ? 'no provider' : named
      return { kind: 'invalid', why: `--budget names the provider "${known}", but the bottle uses ${uses}` }
    }
    if (budgets.has(known)) return { kind: 'invalid', why: `--budget is given twice for the provider "${known}"` }
    budgets.set(known, limitTokens)
  }
  return { kind: 'budgets', budgets: Array.from(budgets, ([provider, limitTokens]) => ({ provider, limitTokens })) }
}
