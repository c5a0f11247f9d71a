import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { cutInTwo, type LayerCut, type Model, movingStates, readModel } from '../../../../adapters/onnx/graph/index.ts'
import { write } from './build.ts'
import { compare, session } from './exact.ts'
import { folder } from './folder.ts'
import { cuts, findCut } from './here.ts'
import { noise } from './random.ts'
import { hidden, recurrentModel, width } from './recurrent.ts'

const at = folder()
const steps = 100
type Tensors = Record<string, Tensor>

const states: Readonly<Record<string, readonly number[]>> = {
  h1: [1, 1, hidden],
  c1: [1, 1, hidden],
  s2: [1, hidden],
}

function start(): Tensors {
  return Object.fromEntries(
    Object.entries(states).map(([name, shape]) => [name, new Tensor('float32', new Float32Array(hidden), shape)]),
  )
}

function frame(step: number): Tensor {
  return new Tensor('float32', noise(width, step + 1), [1, 1, width])
}

/** One step; what it gives as `NAME_out` is `NAME` of the next. */
async function advance(running: InferenceSession, state: Tensors, given: Tensors): Promise<Tensors> {
  const feed = Object.fromEntries(
    Object.entries({ ...state, ...given }).filter(([name]) => running.inputNames.includes(name)),
  )
  const result: Tensors = { ...(await running.run(feed)) }
  for (const name of Object.keys(state)) {
    const next = result[`${name}_out`]
    if (next) state[name] = next
  }
  return result
}

async function wholeAnswers(model: Model): Promise<Tensor[]> {
  const running = await session(model.file.path, 'extended')
  const state = start()
  const answers: Tensor[] = []
  for (let step = 0; step < steps; step++) {
    const { y } = await advance(running, state, { x: frame(step) })
    if (y) answers.push(y)
  }
  await running.release()
  return answers
}

async function partSessions(model: Model, cut: LayerCut): Promise<[InferenceSession, InferenceSession]> {
  const { head, tail } = await cutInTwo(model, cut)
  return [await session(head.bytes, 'extended'), await session(tail.bytes, 'extended')]
}

describe('a recurrent model with explicit state', () => {
  it('keeps each state on the side of the layers that read and make it', async () => {
    const model = await readModel(await write(at('sides.onnx'), recurrentModel()))
    const found = await cuts(model)
    expect(found.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['in', 'in_act', 'h1_out', 'flat', 'mid', 'mid_act', 'logits']),
    )
    const behindLstm = await findCut(model, 'flat')
    expect(behindLstm.headStates.map(({ input }) => input.name)).toEqual(['h1', 'c1'])
    expect(behindLstm.tailStates.map(({ input }) => input.name)).toEqual(['s2'])
    expect(behindLstm.crossing.map(({ name }) => name)).toEqual(['flat'])
    // Between reading s2 and making its successor the state would have to travel back at every step.
    expect(found.filter(({ crossing }) => crossing.some(({ name }) => name === 'sum'))).toEqual([])
  })

  it('answers bit for bit as the whole over 100 steps, at every cut', async () => {
    const model = await readModel(await write(at('steps.onnx'), recurrentModel()))
    const answers = await wholeAnswers(model)
    for (const cut of await cuts(model)) {
      const [head, tail] = await partSessions(model, cut)
      const [headState, tailState] = [start(), start()]
      for (let step = 0; step < steps; step++) {
        const crossed = await advance(head, headState, { x: frame(step) })
        const { y } = await advance(tail, tailState, crossed)
        expect(compare(y, answers[step]), `${cut.name}, step ${step}`).toMatchObject({ bits: 0 })
      }
      await head.release()
      await tail.release()
    }
    expect(compare(answers[0], answers[steps - 1]).bits).toBeGreaterThan(0)
  })

  it('goes on bit for bit when the cut changes in mid-stream and the state moves', async () => {
    const model = await readModel(await write(at('moves.onnx'), recurrentModel()))
    const answers = await wholeAnswers(model)
    const early = await findCut(model, 'in_act')
    const late = await findCut(model, 'logits')
    const moving = movingStates(early, late)
    expect(moving.map(({ input }) => input.name)).toEqual(['h1', 'c1', 's2'])
    expect(moving.reduce((sum, { input }) => sum + (input.bytes ?? 0), 0)).toBe(3 * hidden * 4)

    const device = start()
    const cloud = start()
    let [head, tail] = await partSessions(model, early)
    for (let step = 0; step < steps; step++) {
      if (step === 50) {
        for (const { input } of moving) if (cloud[input.name]) device[input.name] = cloud[input.name] as Tensor
        await head.release()
        await tail.release()
        ;[head, tail] = await partSessions(model, late)
      }
      const crossed = await advance(head, device, { x: frame(step) })
      const { y } = await advance(tail, cloud, crossed)
      expect(compare(y, answers[step]), `step ${step}`).toMatchObject({ bits: 0 })
    }
    await head.release()
    await tail.release()
  })

  it('takes its states as stated, and says what is wrong with a statement', async () => {
    const path = await write(at('stated.onnx'), recurrentModel())
    const model = await readModel(path, { states: { s2: 's2_out' } })
    expect(model.states.map(({ input }) => input.name)).toEqual(['s2'])
    await expect(readModel(path, { states: { s2: 'h1_out' } })).rejects.toThrow(/"s2" → "h1_out"/)
  })
})
