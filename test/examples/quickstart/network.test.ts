import { describe, expect, test } from 'vitest'
import { EmulatedLink } from '../../../adapters/link/index.ts'
import { lte, phaseAt, play, story } from '../../../examples/quickstart/network.ts'
import { fakeClock } from '../../../pipeline/testing/index.ts'

describe('the story', () => {
  test('its phases follow each other without a gap, and nothing passes for a second', () => {
    const phases = story(20_000, lte)
    expect(phases.map(({ name }) => name)).toEqual(['Wi-Fi', 'LTE trace', 'nothing', 'Wi-Fi again'])
    for (const [index, { from }] of phases.entries()) expect(from).toBe(index === 0 ? 0 : phases[index - 1]?.to)
    const nothing = phases[2]
    expect((nothing?.to ?? 0) - (nothing?.from ?? 0)).toBe(1000)
    expect(phaseAt(phases, 15_500).name).toBe('nothing')
    expect(phaseAt(phases, 1e9).name).toBe('Wi-Fi again')
  })

  test('what is sent while there is no link arrives when there is one again', async () => {
    const clock = fakeClock()
    const phases = story(20_000, lte)
    const link = new EmulatedLink(phases[0]?.link as never, clock)
    const end = play(phases, [link], clock)
    await clock.advance(15_200)
    let arrived: number | undefined
    link.up.send(100, () => {
      arrived = clock.now()
    })
    await clock.advance(700)
    expect(arrived).toBeUndefined()
    await clock.advance(200)
    expect(arrived).toBeGreaterThan(16_000 - 1)
    end()
    link.close()
  })
})
