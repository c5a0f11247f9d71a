import { type Draft, longs, node, weights } from './build.ts'

/** Numbers per step, and per state. */
export const width = 12
export const hidden = 16

/**
 * A recurrent model with explicit state: dense → LSTM (h1, c1) → dense → GRU-like cell by hand (s2) → dense → softmax.
 */
export function recurrentModel(): Draft {
  return {
    inputs: { x: [1, 1, width], h1: [1, 1, hidden], c1: [1, 1, hidden], s2: [1, hidden] },
    outputs: { y: [1, 5], h1_out: [1, 1, hidden], c1_out: [1, 1, hidden], s2_out: [1, hidden] },
    nodes: [
      node('MatMul', 'x w_in', 'in'),
      node('Tanh', 'in', 'in_act'),
      node('LSTM', 'in_act w_lstm r_lstm - - h1 c1', 'seq h1_out c1_out', { hidden_size: hidden }, 'lstm'),
      node('Squeeze', 'h1_out axes', 'flat'),
      node('Gemm', 'flat w_mid b_mid', 'mid'),
      node('Relu', 'mid', 'mid_act'),
      node('MatMul', 's2 w_state', 'kept'),
      node('Add', 'mid_act kept', 'sum'),
      node('Tanh', 'sum', 's2_out'),
      node('Gemm', 's2_out w_out b_out', 'logits'),
      node('Softmax', 'logits', 'y'),
    ],
    weights: [
      weights('w_in', [width, hidden]),
      weights('w_lstm', [1, 4 * hidden, hidden]),
      weights('r_lstm', [1, 4 * hidden, hidden]),
      weights('w_mid', [hidden, hidden]),
      weights('b_mid', [hidden]),
      weights('w_state', [hidden, hidden]),
      weights('w_out', [hidden, 5]),
      weights('b_out', [5]),
      longs('axes', [0]),
    ],
  }
}
