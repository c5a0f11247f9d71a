import { describe, expect, it } from 'vitest'
import { evolve, type Message, type Payload, packFrame } from '../../../pipeline/index.ts'
import { imageMessage, resultPayload, settled, tensor } from '../../../pipeline/testing/index.ts'
import { encodeOutcome } from '../../../pipeline/wire/codec.ts'
import { bench, boundary } from './bench.ts'

const load = { pending: 0, capacity: 1 }

/** Asks somebody who answers with this, whatever was asked. */
async function answeredWith(payload: Payload, model: string | undefined) {
  const one = bench()
  const plan = model === undefined ? {} : { model }
  const asked = imageMessage({ plan })
  await one.broker.connect({ clock: one.clock }).serve(boundary.anyPattern(), (request) => {
    const { header, parts } = encodeOutcome(evolve(asked as Message, { payload }))
    request.reply(packFrame({ kind: 'result', node: 'odd', outcome: header, residence: 1, load }, parts))
  })
  const call = one.caller.call(asked)
  await one.clock.advance(5000)
  const item = await call
  expect(one.reports).toHaveLength(item.kind === 'message' ? 1 : 0)
  return item
}

describe('an answer', () => {
  it('of another model than the plan names is none: its node is named', async () => {
    expect(await answeredWith(resultPayload({ model: 'small' }), 'large')).toMatchObject({
      kind: 'failure',
      error: { code: 'bad-message', retryable: true, message: expect.stringMatching(/"odd".*"small".*"large"/) },
    })
    expect(await answeredWith(resultPayload({ model: 'large' }), 'large')).toMatchObject({ kind: 'message' })
    expect(await answeredWith(resultPayload({ model: 'small' }), undefined)).toMatchObject({ kind: 'message' })
  })

  it('that is no result is none', async () => {
    const crossing: Payload = { form: 'tensors', at: 'after:relu', tensors: [tensor('relu', [1, 4])] }
    expect(await answeredWith(crossing, undefined)).toMatchObject({
      kind: 'failure',
      error: { code: 'bad-message', message: expect.stringMatching(/tensors at "after:relu" instead of a result/) },
    })
  })

  it('of a version that the planned model was moved to says what it stands for, over as many boundaries as there are', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const call = one.caller.call(imageMessage({ plan: { model: 'large' } }))
    await settled()
    const result = resultPayload({ model: 'large-2', label: 'mug' })
    node.settle(evolve(node.taken[0] as Message, { payload: result, plan: { model: 'large-2' } }))
    expect(await call).toMatchObject({ kind: 'message', payload: { model: 'large-2' }, plan: { model: 'large-2' } })
  })
})
