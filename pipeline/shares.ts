/** A place that somebody holds. */
export interface Place {
  readonly owner: string
  /** Since when: local clock, ms. */
  readonly since: number
  /** How much of the place is the owner's, where several share one: 0 to 1. */
  readonly part: number
}

interface Account {
  /** How many of its things wait for a place. */
  waiting: number
  readonly held: Set<Place>
  /** Milliseconds that it has held places, from the level of those who were there when it came. */
  used: number
  /** When it was heard of last. */
  seen: number
  /** Milliseconds that what came last had left. */
  patience: number
  /** Milliseconds for which it holds a place, on average; 0 before the first has ended. */
  usual: number
  /** Milliseconds of its longest hold, as that was remembered when another ended; infinite before the first has ended. */
  longest: number
}

/** How long an owner who has nothing to do is still reckoned with, ms; half of a long hold is forgotten in as long. */
const aboutFor = 10_000

/** What part of the time that others have, holds of one may take before it is kept to its share of the places. */
const bearable = 1 / 4

/** How much a new hold counts in the average. */
const weight = 1 / 8

/**
 * Who may have the next of several places, so that owners get equal shares of the time (not of the holds: those of one may
 * take longer; start-time fair queueing: Goyal, Vin and Cheng, SIGCOMM 1996, §2). Who has less to do leaves its share to the
 * others, and a lone owner has all.
 *
 * What is begun is not interrupted. While others are about, an owner has therefore more places than its share of them only
 * where those that the others may still claim stay free, or where it gives them back soon: within a quarter of the time that
 * the others have. A hold that was given up and goes on counts as long as it goes on.
 */
export class Shares {
  readonly #places: number
  readonly #now: () => number
  readonly #accounts = new Map<string, Account>()
  /** What the one served last had used: who comes new begins there. */
  #level = 0

  /** @param places how many there are · @param now the local clock, ms */
  constructor(places: number, now: () => number) {
    this.#places = places
    this.#now = now
  }

  /** Something of an owner waits, that is of no use after `expires`. */
  wait(owner: string, expires: number): void {
    this.#heard(owner, expires, this.#now()).waiting++
  }

  /** It waits no longer. */
  leave(owner: string): void {
    const account = this.#accounts.get(owner)
    if (account) account.waiting--
  }

  /** Of the first things of some owners the one that is served next; undefined where none of the owners may have a place. */
  next<T extends { readonly owner: string; readonly expires: number }>(firsts: Iterable<T>): T | undefined {
    const now = this.#now()
    const others = this.#others(now)
    let best: T | undefined
    let least = Number.POSITIVE_INFINITY
    for (const first of firsts) {
      const account = this.#accounts.get(first.owner)
      if (!account || !this.#may(account, others, now)) continue
      const used = usedBy(account, now)
      if (best !== undefined && (used > least || (used === least && first.expires >= best.expires))) continue
      best = first
      least = used
    }
    return best
  }

  /** A place for something that need not wait, where its owner may have one. @param now where whoever asks knows it */
  take(owner: string, expires: number, now: number = this.#now()): Place | undefined {
    const account = this.#heard(owner, expires, now)
    // One that holds nothing is always within its share.
    if (account.held.size > 0 && !this.#may(account, this.#others(now), now)) return undefined
    return this.#hold(account, owner, 1, now)
  }

  /** A place for one whose turn it is. */
  hold(owner: string, part = 1): Place {
    const now = this.#now()
    return this.#hold(this.#account(owner, now), owner, part, now)
  }

  #hold(account: Account, owner: string, part: number, now: number): Place {
    this.#level = Math.max(this.#level, usedBy(account, now))
    const place = { owner, since: now, part }
    account.held.add(place)
    return place
  }

  /** What was done on a place has ended. */
  end(place: Place, now: number = this.#now()): void {
    const account = this.#accounts.get(place.owner)
    if (!account?.held.delete(place)) return
    const took = now - place.since
    account.longest = account.longest === Number.POSITIVE_INFINITY ? took : Math.max(took, longestOf(account, now))
    account.usual += (account.usual === 0 ? 1 : weight) * (took - account.usual)
    account.used += took * place.part
    account.seen = now
  }

  #may(account: Account, { share, spare, patience }: Others, now: number): boolean {
    if (account.held.size < share || spare >= 1) return true
    return longestOf(account, now) <= patience * bearable
  }

  /** What is to be left to those who are about. */
  #others(now: number): Others {
    let patience = Number.POSITIVE_INFINITY
    const places = this.#places
    if (places === Number.POSITIVE_INFINITY) return { share: places, spare: places, patience }
    const about = [...this.#accounts.values()].filter((account) => !gone(account, now))
    const share = Math.max(1, Math.floor(places / about.length))
    let spare = places
    for (const { held, patience: its } of about) {
      for (const { part } of held) spare -= part
      spare -= Math.max(0, share - held.size)
      patience = Math.min(patience, its)
    }
    return { share, spare: Math.round(spare), patience }
  }

  #heard(owner: string, expires: number, now: number): Account {
    const account = this.#account(owner, now)
    if (account.held.size === 0 && account.waiting === 0) account.used = Math.max(account.used, this.#level)
    account.longest = longestOf(account, now)
    account.seen = now
    account.patience = expires - now
    return account
  }

  #account(owner: string, now: number): Account {
    const known = this.#accounts.get(owner)
    if (known) return known
    // No more are kept than came within a while.
    for (const [each, account] of this.#accounts) if (gone(account, now)) this.#accounts.delete(each)
    const account: Account = {
      waiting: 0,
      held: new Set(),
      used: this.#level,
      seen: now,
      patience: Number.POSITIVE_INFINITY,
      usual: 0,
      longest: Number.POSITIVE_INFINITY,
    }
    this.#accounts.set(owner, account)
    return account
  }
}

interface Others {
  /** The places of each. */
  readonly share: number
  /** Places that are free, and nobody's within its share. */
  readonly spare: number
  /** The least time that any of them has, ms. */
  readonly patience: number
}

const gone = ({ waiting, held, seen }: Account, now: number): boolean =>
  waiting === 0 && held.size === 0 && now - seen > aboutFor

/** Of what it holds, at least what it usually takes counts at once: else one would have all that is free at a time. */
function usedBy({ used, held, usual }: Account, now: number): number {
  let sum = used
  for (const { since, part } of held) sum += Math.max(now - since, usual) * part
  return sum
}

function longestOf({ longest, seen, held }: Account, now: number): number {
  // Within a millisecond nothing worth its cost is forgotten.
  let most = now - seen < 1 ? longest : longest * 0.5 ** ((now - seen) / aboutFor)
  for (const { since } of held) most = Math.max(most, now - since)
  return most
}
