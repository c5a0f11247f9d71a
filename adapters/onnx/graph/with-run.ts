import { z } from 'zod'
import { asked, inChild } from './child.ts'
import { type Model, modelOf } from './model.ts'
import { openTensors } from './run-shapes.ts'
import { tensorInfo } from './tensors.ts'

const answer = z.record(z.string(), z.array(z.number().int().min(0)))

/** A model after its open shapes were looked for in a run. */
export interface RunShapes {
  readonly model: Model
  /** Tensors whose shape came from the run. */
  readonly found: readonly string[]
  /** Why no run could tell, where none could: those shapes are still open. */
  readonly failed?: string
}

/**
 * Takes from a run what is open without one, at the sizes taken for free dimensions. The run is made in a process of its
 * own: its memory and its crashes stay there. What lies behind operators whose results the data size (NonZero,
 * NonMaxSuppression, Loop …) stays open.
 * @param within Longest that it may take, ms. Default 120,000.
 */
export async function withRunShapes(model: Model, within = 120_000): Promise<RunShapes> {
  if (openTensors(model).length === 0) return { model, found: [] }
  const said = await inChild({ ask: 'shapes', of: asked(model) }, within).then(
    ([shapes]) => ({ shapes: answer.parse(shapes) }),
    (error: Error) => ({ failed: error.message }),
  )
  if ('failed' in said) return { model, found: [], failed: said.failed }
  const tensors = new Map(model.shapes.tensors)
  const found = Object.entries(said.shapes)
  for (const [name, shape] of found) tensors.set(name, tensorInfo(name, tensors.get(name)?.type ?? 'unknown', shape))
  const symbolic = new Map(model.shapes.symbolic)
  for (const [name, shape] of found) symbolic.set(name, shape)
  const states = Object.fromEntries(model.states.map(({ input, output }) => [input.name, output.name]))
  const whole = await modelOf(model.file, model.wiring, { ...model.shapes, tensors, symbolic }, states)
  return { model: { ...whole, ambiguousStates: model.ambiguousStates }, found: found.map(([name]) => name) }
}
