/** Something interested in a pattern, alone or as a member of a group that shares what arrives. */
export interface Interest {
  readonly pattern: string
  readonly group: string | undefined
}

/** Members that share deliveries, and how many they have shared. */
export interface Group<T> {
  readonly members: readonly T[]
  turn: number
}

/** Who gets one subject's messages: each of `all`, and one member of each group. */
export interface Route<T extends Interest> {
  readonly all: readonly T[]
  readonly groups: readonly Group<T>[]
}

interface Branch<T> {
  /** Interests whose pattern ends here. */
  readonly here: Set<T>
  /** Interests whose pattern ends here in `>`. */
  readonly beyond: Set<T>
  readonly tokens: Map<string, Branch<T>>
}

const remembered = 4096

/**
 * Finds who wants a subject. Plain subjects lie in a map, patterns in a tree of tokens; what was found is remembered
 * until an interest comes or goes, so that in the steady state a message costs one look-up.
 */
export class Router<T extends Interest> {
  readonly #plain = new Map<string, Set<T>>()
  readonly #patterns: Branch<T> = branch()
  readonly #routes = new Map<string, Route<T>>()

  add(interest: T): void {
    const { pattern } = interest
    if (isPlain(pattern)) {
      entry(this.#plain, pattern, () => new Set<T>()).add(interest)
    } else {
      let at = this.#patterns
      const tokens = pattern.split('.')
      const open = tokens.at(-1) === '>'
      for (const token of open ? tokens.slice(0, -1) : tokens) at = entry(at.tokens, token, () => branch<T>())
      ;(open ? at.beyond : at.here).add(interest)
    }
    this.#routes.clear()
  }

  remove(interest: T): void {
    const { pattern } = interest
    if (isPlain(pattern)) {
      const here = this.#plain.get(pattern)
      here?.delete(interest)
      if (here?.size === 0) this.#plain.delete(pattern)
    } else {
      prune(this.#patterns, pattern.split('.'), interest)
    }
    this.#routes.clear()
  }

  route(subject: string): Route<T> {
    const known = this.#routes.get(subject)
    if (known) return known
    const route = this.#find(subject)
    if (this.#routes.size >= remembered) this.#routes.clear()
    this.#routes.set(subject, route)
    return route
  }

  #find(subject: string): Route<T> {
    const all: T[] = []
    const groups = new Map<string, T[]>()
    const take = (found: Iterable<T>) => {
      for (const interest of found) {
        if (interest.group === undefined) all.push(interest)
        else entry(groups, interest.group, () => [] as T[]).push(interest)
      }
    }
    take(this.#plain.get(subject) ?? [])
    const tokens = subject.split('.')
    const descend = (at: Branch<T>, depth: number) => {
      if (depth === tokens.length) return take(at.here)
      take(at.beyond)
      for (const token of [tokens[depth] as string, '*']) {
        const next = at.tokens.get(token)
        if (next) descend(next, depth + 1)
      }
    }
    descend(this.#patterns, 0)
    return { all, groups: [...groups.values()].map((members) => ({ members, turn: 0 })) }
  }
}

function isPlain(pattern: string): boolean {
  return !pattern.includes('*') && !pattern.endsWith('>')
}

/** Takes an interest out of the tree below a branch, with the branches that then hold nothing. */
function prune<T>(at: Branch<T>, tokens: readonly string[], interest: T): void {
  const [token, ...rest] = tokens
  if (token === undefined) at.here.delete(interest)
  else if (token === '>') at.beyond.delete(interest)
  else {
    const next = at.tokens.get(token)
    if (!next) return
    prune(next, rest, interest)
    if (next.here.size + next.beyond.size + next.tokens.size === 0) at.tokens.delete(token)
  }
}

function branch<T>(): Branch<T> {
  return { here: new Set(), beyond: new Set(), tokens: new Map() }
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}
