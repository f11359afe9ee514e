/**
 * The name under which a bottle reads about itself. The proxy answers it and never dials it; no public name ends in
 * `.internal`, which ICANN keeps for private use.
 */
export const ownHost = 'bottle.internal'
