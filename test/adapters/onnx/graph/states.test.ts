import { describe, expect, it } from 'vitest'
import { candidates } from '../../../../adapters/onnx/graph/cuts.ts'
import { type Model, readModel } from '../../../../adapters/onnx/graph/index.ts'
import { asset, haveAssets } from './assets.ts'
import { type Draft, longs, node, weights, write } from './build.ts'
import { folder } from './folder.ts'

const at = folder()

const pairs = (model: Model): string[] => model.states.map(({ input, output }) => `${input.name} → ${output.name}`)

/** `x` and states [1, 4] each → `y` and what follows them: every state is added and handed on. */
function stateful(names: Readonly<Record<string, string>>): Draft {
  const states = Object.entries(names)
  const side = Object.fromEntries(states.map(([input]) => [input, [1, 4]]))
  const next = Object.fromEntries(states.map(([, output]) => [output, [1, 4]]))
  const nodes = states.map(([input, output], place) => node('Add', `x ${input}`, output, {}, `add${place}`))
  return {
    inputs: { x: [1, 4], ...side },
    outputs: { y: [1, 2], ...next },
    nodes: [...nodes, node('MatMul', `${states[0]?.[1]} w`, 'y')],
    weights: [weights('w', [4, 2])],
  }
}

describe('the states of a model', () => {
  it.each([
    [{ h0: 'hn', c0: 'cn' }],
    [{ h: 'hn', c: 'cn' }],
    [{ h: 'h_out', c: 'c_out' }],
    [{ state: 'stateN' }],
    [{ h_in: 'h_out', c_in: 'c_out' }],
    [{ in_cache0: 'out_cache0', in_cache1: 'out_cache1' }],
    [{ 'past_key_values.0.key': 'present.0.key', 'past_key_values.0.value': 'present.0.value' }],
    [{ 'past_key_values.10.key': 'present.10.key', 'past_key_values.1.key': 'present.1.key' }],
    [{ prev_hidden: 'next_hidden' }],
    [{ state_in_1: 'state_out_1', state_in_2: 'state_out_2' }],
    [{ states: 'new_states' }],
    [{ hiddenStateIn: 'hiddenStateOut' }],
    [{ conv_cache: 'conv_cache_out', tra_cache: 'tra_cache_out' }],
  ] as const)('are found by their names: %o', async (names) => {
    const given = names as Readonly<Record<string, string>>
    const model = await readModel(await write(at('named.onnx'), stateful(given)))
    expect(pairs(model)).toEqual(Object.entries(given).map(([input, output]) => `${input} → ${output}`))
    expect(model.ambiguousStates).toEqual([])
  })

  /** LSTM whose states carry names that say nothing, each with a Squeeze or Unsqueeze in its way. */
  const recurrent: Draft = {
    inputs: { x: [1, 1, 4], p: [1, 4], q: [1, 4] },
    outputs: { y: [1, 1, 1, 4], first: [1, 4], second: [1, 4] },
    nodes: [
      node('Unsqueeze', 'q axis', 'h'),
      node('Unsqueeze', 'p axis', 'c'),
      node('LSTM', 'x w r - - h c', 'y last_h last_c', { hidden_size: 4 }, 'lstm'),
      node('Squeeze', 'last_c axis', 'first'),
      node('Squeeze', 'last_h axis', 'second'),
    ],
    weights: [weights('w', [1, 16, 4]), weights('r', [1, 16, 4])],
  }

  it('are found by the recurrent operator whose first and last state they are', async () => {
    const draft = { ...recurrent, weights: [...(recurrent.weights ?? []), longs('axis', [0])] }
    const model = await readModel(await write(at('recurrent.onnx'), draft))
    expect(pairs(model)).toEqual(['p → first', 'q → second'])
  })

  it('are not guessed: what could be one is said', async () => {
    const model = await readModel(
      await write(at('unclear.onnx'), {
        inputs: { x: [1, 2], memory: [1, 4] },
        outputs: { y: [1, 1], left: [1, 4], right: [1, 4] },
        nodes: [
          node('ReduceMax', 'x', 'y', { axes: [1] }),
          node('Neg', 'memory', 'left'),
          node('Exp', 'memory', 'right'),
        ],
      }),
    )
    expect(model.states).toEqual([])
    expect(model.ambiguousStates).toEqual([{ input: 'memory', outputs: ['left', 'right'] }])
    const twice = await readModel(
      await write(at('twice.onnx'), {
        inputs: { x: [1, 2], h: [1, 4] },
        outputs: { y: [1, 2], h_out: [1, 4], h_next: [1, 4] },
        nodes: [node('Relu', 'x', 'y'), node('Neg', 'h', 'h_out'), node('Exp', 'h', 'h_next')],
      }),
    )
    expect(twice.states).toEqual([])
    expect(twice.ambiguousStates).toEqual([{ input: 'h', outputs: ['h_out', 'h_next'] }])
  })

  it('are none where a picture becomes a picture', async () => {
    const model = await readModel(
      await write(at('style.onnx'), {
        inputs: { input1: [1, 3, 8, 8] },
        outputs: { output1: [1, 3, 8, 8] },
        nodes: [node('Relu', 'input1', 'output1')],
      }),
    )
    expect(model.states).toEqual([])
    expect(model.ambiguousStates).toEqual([])
  })

  it('grow from step to step where they are caches', async () => {
    const model = await readModel(
      await write(at('cache.onnx'), {
        inputs: { x: [1, 1, 4], 'past_key_values.0.key': [1, 'past', 4] },
        outputs: { y: [1, 1, 4], 'present.0.key': [1, 'more', 4] },
        nodes: [
          node('Concat', 'past_key_values.0.key x', 'present.0.key', { axis: 1 }, 'grow'),
          node('ReduceSum', 'present.0.key axis', 'sum', { keepdims: 1 }),
          node('Exp', 'sum', 'y'),
        ],
        weights: [longs('axis', [1])],
      }),
      { dimensions: { past: 5 } },
    )
    expect(model.outputs.find(({ name }) => name === 'present.0.key')?.shape).toEqual([1, 6, 4])
    expect(pairs(model)).toEqual(['past_key_values.0.key → present.0.key'])
    expect(candidates(model, { tensors: 1 }).all.map(({ name, headStates }) => [name, headStates.length])).toEqual([
      ['grow', 1],
      ['sum', 1],
    ])
  })

  it('are taken as stated where no shape of the output is known', async () => {
    const path = await write(at('sequence.onnx'), {
      inputs: { x: [1, 4], memory: [1, 4] },
      outputs: { y: [1, 4], after: [] },
      nodes: [
        node('Add', 'x memory', 'sum'),
        node('SplitToSequence', 'sum', 'seq', { axis: 1, keepdims: 1 }),
        node('ConcatFromSequence', 'seq', 'after', { axis: 1 }),
        node('Exp', 'x', 'y'),
      ],
    })
    const { readFile, writeFile } = await import('node:fs/promises')
    const { fromBinary, toBinary } = await import('@bufbuild/protobuf')
    const { ModelProtoSchema } = await import('../../../../adapters/onnx/graph/generated/onnx_pb.ts')
    const proto = fromBinary(ModelProtoSchema, await readFile(path))
    const type = proto.graph?.output.find(({ name }) => name === 'after')?.type?.value
    // A type without a shape, as exporters write it for what they do not know.
    if (type?.case === 'tensorType') delete type.value.shape
    await writeFile(path, toBinary(ModelProtoSchema, proto))
    const model = await readModel(path, { states: { memory: 'after' } })
    expect(model.states).toMatchObject([{ input: { name: 'memory' }, output: { name: 'after', shape: [1, 4] } }])
    await expect(readModel(path, { states: { memory: 'after', x: 'after' } })).rejects.toThrow(/cannot both follow/)
  })

  it.skipIf(!haveAssets)('are found in a public voice-activity net', async () => {
    const model = await readModel(asset('models/kinds/silero_vad_16k_op15.onnx'), { dimensions: { sequence: 576 } })
    expect(pairs(model)).toEqual(['state → stateN'])
  })
})
