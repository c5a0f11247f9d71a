import * as graph from '../../../../adapters/onnx/graph/index.ts'

/* Cuts found in the test's own process: a process for each question would take most of the time. */

export function cuts(model: graph.Model, options: graph.ExactOptions = {}): ReturnType<typeof graph.cuts> {
  return graph.cuts(model, { runtime: graph.here, ...options })
}

export function findCut(
  model: graph.Model,
  name: string,
  options: graph.ExactOptions = {},
): ReturnType<typeof graph.findCut> {
  return graph.findCut(model, name, { runtime: graph.here, ...options })
}
