import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import type { Album } from './captures.ts'
import { memoryPlace, type Place, type Played, play } from './run.ts'
import { type Scene, scene } from './scene.ts'

/** The scene of a seed: always the same. */
export function sceneOf(seed: number): Scene {
  return fc.sample(scene, { seed, numRuns: 1 })[0] as Scene
}

/** One scene that was played, and what reached the process meanwhile. */
export interface Outcome extends Played {
  readonly seed: number
}

/** Hears of all that no `try` reaches, for as long as scenes are played. */
export class Watch {
  readonly #heard: string[] = []
  readonly #hear = (error: unknown) => {
    this.#heard.push(`uncaught: ${describe(error)}`)
  }

  constructor() {
    process.on('uncaughtException', this.#hear)
    process.on('unhandledRejection', this.#hear)
  }

  /** What was heard since it was asked last. */
  async take(): Promise<readonly string[]> {
    // RxJS and the runtime report on later turns.
    await pause(0)
    await new Promise((resolve) => setImmediate(resolve))
    return this.#heard.splice(0)
  }

  close(): void {
    process.off('uncaughtException', this.#hear)
    process.off('unhandledRejection', this.#hear)
  }
}

/** Plays the scene of a seed. */
export async function playSeed(
  seed: number,
  album: Album,
  watch: Watch,
  place: Place = memoryPlace(),
  change: (scene: Scene) => Scene = (scene) => scene,
): Promise<Outcome> {
  const played = await play(change(sceneOf(seed)), album, place)
  return { ...played, seed, wrong: [...played.wrong, ...(await watch.take())] }
}

function describe(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  } catch {
    return 'a value that cannot be written'
  }
}
