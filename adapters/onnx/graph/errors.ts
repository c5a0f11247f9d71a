import { QuintetError } from '../../../pipeline/index.ts'

/** The file is no ONNX model: other bytes, truncated, or a graph that breaks ONNX's own rules. */
export class NotAModel extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('model-load-failed', message, options)
  }
}

/** The runtime does not know an operator of the model, or not in the version that the model asks for. */
export class UnknownOperator extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('model-load-failed', message, options)
  }
}

/** A dimension of the model is free and nothing says how large it is. */
export class DynamicShape extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('wrong-shape', message, options)
  }
}

/** Weights that lie outside the model file are missing, too short, or named by a path that leaves the model's folder. */
export class BadExternalData extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('model-load-failed', message, options)
  }
}

/** The model has no cut of that name. */
export class UnknownCut extends QuintetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('bad-configuration', message, options)
  }
}
