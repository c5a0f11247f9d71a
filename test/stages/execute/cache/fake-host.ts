import { type Clock, ExecutorLost, sleep } from '../../../../pipeline/index.ts'
import type { CacheHost, LoadCost } from '../../../../stages/execute/cache/index.ts'
import type { ModelSource } from '../../../../stages/manage/index.ts'

/** A model without a file. */
export function modelOf(name: string, bytes = 100): ModelSource {
  return { key: `key-${name}`, name, path: `/${name}.onnx`, sha256: 'a'.repeat(64), bytes }
}

export interface FakeHostOptions {
  readonly clock: Clock
  /** Milliseconds of a load; default 10. An error thrown here is the load's. */
  readonly loadMs?: (executor: string, model: ModelSource) => number
  /** What it turns out to need; default: the file's size. */
  readonly residentBytes?: (model: ModelSource) => number
  readonly unloadMs?: () => number
  /** Thrown here is how an unload fails. */
  readonly beforeUnload?: (executor: string, key: string) => void
}

/** A host that keeps what each executor holds, and notes when the cache breaks a promise to it. */
export class FakeHost implements CacheHost {
  readonly held = new Map<string, Map<string, number>>()
  readonly loads: string[] = []
  /** What the cache should never have asked. */
  readonly violations: string[] = []
  readonly #loading = new Set<string>()
  readonly #options: FakeHostOptions

  constructor(options: FakeHostOptions) {
    this.#options = options
  }

  up(executor: string): void {
    this.held.set(executor, new Map())
  }

  down(executor: string): void {
    this.held.delete(executor)
    this.#loading.delete(executor)
  }

  holds(executor: string, { key }: ModelSource): boolean {
    return this.held.get(executor)?.has(key) ?? false
  }

  get bytes(): number {
    let bytes = 0
    for (const held of this.held.values()) for (const each of held.values()) bytes += each
    return bytes
  }

  async load(executor: string, model: ModelSource): Promise<LoadCost> {
    const { clock, loadMs = () => 10, residentBytes = ({ bytes }) => bytes } = this.#options
    const held = this.held.get(executor)
    if (held === undefined) throw new ExecutorLost(`no executor ${executor}`)
    if (this.#loading.has(executor)) this.violations.push(`two loads at once on ${executor}`)
    if (held.has(model.key)) this.violations.push(`${model.name} loaded twice on ${executor}`)
    this.#loading.add(executor)
    this.loads.push(`${model.name}@${executor}`)
    try {
      const ms = loadMs(executor, model)
      await sleep(clock, ms)
      if (this.held.get(executor) !== held) throw new ExecutorLost(`${executor} died`)
      held.set(model.key, residentBytes(model))
      return { ms, residentBytes: residentBytes(model) }
    } finally {
      if (this.held.get(executor) === held) this.#loading.delete(executor)
    }
  }

  async unload(executor: string, key: string): Promise<void> {
    const { clock, unloadMs = () => 1, beforeUnload = () => {} } = this.#options
    const held = this.held.get(executor)
    if (held === undefined) throw new ExecutorLost(`no executor ${executor}`)
    if (!held.has(key)) this.violations.push(`${key} unloaded from ${executor}, which does not hold it`)
    beforeUnload(executor, key)
    await sleep(clock, unloadMs())
    held.delete(key)
  }
}
