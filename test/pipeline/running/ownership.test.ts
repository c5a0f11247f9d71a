import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Captured, FrameChanged, pipeline, stage } from '../../../pipeline/index.ts'
import { fingerprint, isUnchanged } from '../../../pipeline/running/ownership.ts'
import { answering, collect, fakeClock, resultPayload } from '../../../pipeline/testing/index.ts'
import { type CaptureOptions, capture, type Frame, picture } from '../../../stages/index.ts'

/** Answers with the first byte of the picture, 20 ms later. */
const reading = () =>
  stage<Captured, ReturnType<typeof resultPayload>>(
    'read',
    async ({ payload }, { context }) => {
      await new Promise<void>((resolve) => context.clock.after(20, resolve))
      return resultPayload({ label: String(payload.bytes[0]) })
    },
    { concurrency: 8 },
  )

/** A camera that writes every frame into the next of two buffers, whoever still reads them. */
async function* ring(count: number): AsyncGenerator<Frame> {
  const buffers = [new Uint8Array(64), new Uint8Array(64)]
  for (let n = 0; n < count; n++) {
    const buffer = buffers[n % 2] as Uint8Array
    buffer.fill(n)
    yield buffer
  }
}

async function run(options: CaptureOptions) {
  const clock = fakeClock()
  const all = collect(pipeline('ring', { window: 8, clock }, capture(ring(40), options), reading()).run())
  await clock.advance(2000)
  const { answers, failures, counts } = await all
  return { answers, failures, counts, wrong: answers.filter(({ seq, label }) => label !== String(seq)) }
}

describe('frames that are written over after they were handed in', () => {
  it('are answered wrongly where nobody looks: the contract is theirs to keep', async () => {
    const { answers, wrong } = await run({})
    expect(answers).toHaveLength(40)
    expect(wrong.length).toBeGreaterThan(0)
  })

  it('are answered rightly where they are copied', async () => {
    const { answers, wrong } = await run({ copy: true })
    expect(answers).toHaveLength(40)
    expect(wrong).toEqual([])
  })

  it('fail by name where somebody looks: no wrong answer is given', async () => {
    const { answers, failures, wrong, counts } = await run({ checkOwnership: true })
    expect(wrong).toEqual([])
    expect(answers.length + failures.length).toBe(40)
    expect(failures.length).toBeGreaterThan(0)
    expect(counts).toEqual({ in: 40, results: answers.length, failures: failures.length, dropped: 0 })
    for (const { error } of failures) {
      expect(error).toBeInstanceOf(FrameChanged)
      expect(error.message).toMatch(/written over.*copy: true/)
    }
  })

  it('say so as well where the writing over made them fail', async () => {
    const bytes = Uint8Array.of(1, 2, 3)
    const spoiling = stage<Captured, never>('spoil', ({ payload }) => {
      payload.bytes.fill(0)
      throw new Error('not a picture any more')
    })
    const source = capture([bytes], { checkOwnership: true })
    const { failures } = await collect(pipeline('spoilt', {}, source, spoiling, answering()).run())
    expect(failures[0]?.error).toMatchObject({ code: 'frame-changed', cause: { code: 'stage-failed' } })
  })
})

describe('a fingerprint', () => {
  it('tells every single changed, moved or missing byte', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 70 })
    fc.assert(
      fc.property(bytes, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(3), (all, at, by, offset) => {
        const view = new Uint8Array(all.length + offset).subarray(offset)
        view.set(all)
        const before = fingerprint(picture(view))
        expect(fingerprint(picture(all))).toBe(before)
        view[at % view.length] = ((view[at % view.length] as number) + by) % 256
        expect(isUnchanged(picture(view), before)).toBe(false)
        expect(fingerprint(picture(all.subarray(0, -1)))).not.toBe(before)
      }),
    )
  })

  it('of memory that was transferred away is another', () => {
    const bytes = Uint8Array.of(1, 2, 3)
    const before = fingerprint(picture(bytes))
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    expect(isUnchanged(picture(bytes), before)).toBe(false)
  })
})
