/** A row of numbers to predict from. */
export type Row = readonly number[]

/**
 * Least squares with coefficients that are not negative, by trying every subset of the (few) columns; exact, and no
 * layer can be predicted to take less than no time.
 * @param weights How much each row counts; for relative errors 1 / value.
 */
export function nonNegative(rows: readonly Row[], values: readonly number[], weights: readonly number[]): number[] {
  const columns = rows[0]?.length ?? 0
  let best = { error: Number.POSITIVE_INFINITY, coefficients: Array.from({ length: columns }, () => 0) }
  for (let subset = 1; subset < 2 ** columns; subset++) {
    const chosen = Array.from({ length: columns }, (_, column) => column).filter((column) => subset & (1 << column))
    const solved = leastSquares(
      rows.map((row) => chosen.map((column) => row[column] ?? 0)),
      values,
      weights,
    )
    if (!solved || solved.some((coefficient) => !(coefficient >= 0))) continue
    const coefficients = Array.from({ length: columns }, () => 0)
    chosen.forEach((column, at) => {
      coefficients[column] = solved[at] ?? 0
    })
    const error = rows.reduce((sum, row, at) => {
      const off = (dot(row, coefficients) - (values[at] ?? 0)) * (weights[at] ?? 1)
      return sum + off * off
    }, 0)
    if (error < best.error * (1 - 1e-9)) best = { error, coefficients }
  }
  return best.coefficients
}

/** Weighted least squares by the normal equations; undefined where the columns do not determine them. */
export function leastSquares(
  rows: readonly Row[],
  values: readonly number[],
  weights: readonly number[],
  ridge = 0,
): number[] | undefined {
  const columns = rows[0]?.length ?? 0
  const scale = Array.from({ length: columns }, (_, column) =>
    Math.max(1e-300, ...rows.map((row, at) => Math.abs((row[column] ?? 0) * (weights[at] ?? 1)))),
  )
  const matrix = scale.map((_, i) => Float64Array.from({ length: columns + 1 }, (_unused, j) => (i === j ? ridge : 0)))
  rows.forEach((row, at) => {
    const weight = weights[at] ?? 1
    for (let i = 0; i < columns; i++) {
      const target = matrix[i]
      if (!target) continue
      const left = ((row[i] ?? 0) * weight) / (scale[i] ?? 1)
      for (let j = 0; j < columns; j++) target[j] = (target[j] ?? 0) + (left * (row[j] ?? 0) * weight) / (scale[j] ?? 1)
      target[columns] = (target[columns] ?? 0) + left * (values[at] ?? 0) * weight
    }
  })
  return solve(matrix)?.map((value, column) => value / (scale[column] ?? 1))
}

// Gauss with pivots.
function solve(matrix: Float64Array[]): number[] | undefined {
  const size = matrix.length
  for (let column = 0; column < size; column++) {
    let pivot = column
    for (let row = column + 1; row < size; row++) {
      if (Math.abs(matrix[row]?.[column] ?? 0) > Math.abs(matrix[pivot]?.[column] ?? 0)) pivot = row
    }
    const swap = matrix[pivot]
    const here = matrix[column]
    if (!swap || !here || Math.abs(swap[column] ?? 0) < 1e-10) return undefined
    matrix[column] = swap
    matrix[pivot] = here
    for (let row = 0; row < size; row++) {
      const target = matrix[row]
      if (row === column || !target) continue
      const factor = (target[column] ?? 0) / (swap[column] ?? 1)
      for (let at = column; at <= size; at++) target[at] = (target[at] ?? 0) - factor * (swap[at] ?? 0)
    }
  }
  return matrix.map((row, at) => (row[size] ?? 0) / (row[at] ?? 1))
}

/** The scalar product. */
export function dot(one: Row, other: Row): number {
  return one.reduce((sum, value, at) => sum + value * (other[at] ?? 0), 0)
}

/** The coefficient of determination. */
export function rSquared(predicted: readonly number[], observed: readonly number[]): number {
  const mean = observed.reduce((sum, value) => sum + value, 0) / observed.length
  const total = observed.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const left = observed.reduce((sum, value, at) => sum + (value - (predicted[at] ?? 0)) ** 2, 0)
  return total > 0 ? 1 - left / total : left > 0 ? Number.NEGATIVE_INFINITY : 1
}

/** The mean absolute error relative to the observed value, over those that are not 0. */
export function mape(predicted: readonly number[], observed: readonly number[]): number {
  const errors = observed.flatMap((value, at) => (value > 0 ? [Math.abs((predicted[at] ?? 0) - value) / value] : []))
  return errors.reduce((sum, error) => sum + error, 0) / Math.max(1, errors.length)
}
