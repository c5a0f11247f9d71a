import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Album } from './captures.ts'
import { captureKinds, troubles } from './scene.ts'
import { playSeed, sceneOf, Watch } from './session.ts'

/** A head of a picture is enough: nothing here decodes. `npm run monkey` takes real ones. */
const album: Album = { pictures: [1, 2, 3].map((n) => new Uint8Array(3000).fill(n).fill(0xff, 0, 1)) }
const scenes = 250

describe('the monkey', () => {
  let watch: Watch
  beforeAll(() => {
    watch = new Watch()
    // Listeners that fall are warned of once a run, as they should be.
    vi.spyOn(console, 'warn').mockImplementation(() => {})
  })
  afterAll(() => {
    watch.close()
    vi.restoreAllMocks()
  })

  it(`finds nothing wrong in ${scenes} scenes of fixed seeds; \`npm run monkey -- --scene SEED\` plays one again`, async () => {
    const wrong: unknown[] = []
    for (let seed = 1; seed <= scenes; seed++) {
      const outcome = await playSeed(seed, album, watch)
      if (outcome.wrong.length > 0) wrong.push({ seed, wrong: outcome.wrong })
    }
    expect(wrong).toEqual([])
  }, 120_000)

  it('tries everything it knows', () => {
    const all = Array.from({ length: scenes }, (_, seed) => sceneOf(seed + 1))
    expect(new Set(all.flatMap(({ captures }) => captures.map(({ kind }) => kind)))).toEqual(new Set(captureKinds))
    expect(new Set(all.flatMap(({ above, below }) => [...above, ...below].map(({ kind }) => kind)))).toEqual(
      new Set(troubles),
    )
    expect(new Set(all.flatMap(({ happenings }) => happenings.map(({ what }) => what))).size).toBe(7)
  })

  it('plays the same scene for the same seed', async () => {
    expect(sceneOf(7)).toEqual(sceneOf(7))
    const [first, second] = [await playSeed(7, album, watch), await playSeed(7, album, watch)]
    expect(second).toEqual(first)
  })
})
