/** Weights, the last one of the constant. */
export interface Fit {
  readonly weights: readonly number[]
}

/** Rounds over all weights, at most, and the change below which they count as found. */
const [rounds, settled] = [2000, 1e-7]

/**
 * Linear regression with an L1 penalty: least ½ · mean (y − w·x − b)² + penalty · Σ|w|, by cyclic coordinate descent
 * (Friedman, Hastie and Tibshirani 2010, sec. 2). Own, because no kept npm package has it.
 * @param x features, each with a mean near 0 and a spread near 1, for the penalty weighs all alike
 */
export function lasso(x: readonly (readonly number[])[], y: readonly number[], penalty: number): Fit {
  const [count, size] = [x.length, x[0]?.length ?? 0]
  const weights = new Array<number>(size).fill(0)
  const level = y.reduce((sum, value) => sum + value, 0) / count
  const means = weights.map((_, j) => x.reduce((sum, features) => sum + (features[j] as number), 0) / count)
  const centred = x.map((features) => features.map((value, j) => value - (means[j] as number)))
  const scales = weights.map((_, j) => centred.reduce((sum, features) => sum + (features[j] as number) ** 2, 0) / count)
  const residual = y.map((value) => value - level)
  for (let round = 0; round < rounds; round++) {
    let moved = 0
    for (let j = 0; j < size; j++) {
      const [scale, before] = [scales[j] as number, weights[j] as number]
      if (scale === 0) continue
      let along = 0
      for (let i = 0; i < count; i++) along += ((centred[i] as number[])[j] as number) * (residual[i] as number)
      const alone = along / count + scale * before
      const now = (Math.sign(alone) * Math.max(0, Math.abs(alone) - penalty)) / scale
      const step = now - before
      if (step === 0) continue
      for (let i = 0; i < count; i++)
        residual[i] = (residual[i] as number) - step * ((centred[i] as number[])[j] as number)
      weights[j] = now
      moved = Math.max(moved, Math.abs(step))
    }
    if (moved < settled) break
  }
  const constant = level - weights.reduce((sum, weight, j) => sum + weight * (means[j] as number), 0)
  return { weights: [...weights, constant] }
}

export function fitted({ weights }: Fit, x: readonly number[]): number {
  return x.reduce((sum, value, j) => sum + value * (weights[j] as number), weights[x.length] as number)
}
