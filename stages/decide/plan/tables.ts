import type { Menu } from '../../../pipeline/index.ts'

/** Menus remembered. */
const most = 16

interface Kept<T> {
  readonly menu: Menu
  readonly where: string
  readonly value: T
}

/** What was made of a menu, found again by what the menu offers: its lists are often the same objects, always much alike. */
export class Tables<T> {
  #kept: Kept<T>[] = []

  clear(): void {
    this.#kept = []
  }

  /** The one made of an equal menu at the same place; else a new one. The one used longest ago leaves for it. */
  of(menu: Menu, where: string, make: () => T): T {
    const kept = this.#kept
    for (let i = 0; i < kept.length; i++) {
      const found = kept[i] as Kept<T>
      if (found.where !== where || !sameMenu(found.menu, menu)) continue
      if (i > 0) {
        kept.splice(i, 1)
        kept.unshift(found)
      }
      return found.value
    }
    const value = make()
    kept.unshift({ menu, where, value })
    if (kept.length > most) kept.pop()
    return value
  }
}

function sameMenu(one: Menu, other: Menu): boolean {
  return (
    (one.lastAge === undefined) === (other.lastAge === undefined) &&
    same(one.models, other.models) &&
    same(one.cuts, other.cuts) &&
    same(one.encodings, other.encodings) &&
    same(one.targets, other.targets) &&
    same(one.backups, other.backups)
  )
}

function same(one: readonly string[], other: readonly string[]): boolean {
  if (one === other) return true
  if (one.length !== other.length) return false
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false
  return true
}
