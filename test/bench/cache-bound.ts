// HiGHS, as WebAssembly: a linear programme of 10⁵ variables in a second, nothing to install.
import highs from 'highs'
import { nextUses, type ReplayModel, type Requests } from '../../examples/papers/edge-models/index.ts'

// Its declarations are those of its CommonJS build, whose default export stands one level deeper.
const loadHighs = highs as unknown as typeof highs.default

/**
 * The least mean load delay (ms) that any policy could reach on these requests, from below: the linear relaxation of
 * keeping each model, or not, from one of its requests to the next, with all that is kept and the model asked for in
 * the budget at each request. What waits for a load that another request began is left out, so that the bound stays one.
 *
 * Bélády's problem for unlike objects as in Berger et al., "Practical Bounds on Optimal Caching with Variable Object
 * Sizes" (FOO), section 4, with costs.
 */
export async function loadDelayBound(
  { model: asked }: Requests,
  models: readonly ReplayModel[],
  budget: number,
): Promise<number> {
  const following = nextUses(asked, models.length)
  const size = (index: number) => (models[asked[index] as number] as ReplayModel).bytes / 1e6
  const cost = (index: number) => (models[asked[index] as number] as ReplayModel).loadMs / 1_000
  const count = asked.length
  const previous = new Int32Array(count).fill(-1)
  for (let index = 0; index < count; index++) {
    const next = following[index] as number
    if (next < count) previous[next] = index
  }
  // x: the share of a model kept from its request to the next; u: what is kept beside the model asked for.
  const saved: string[] = []
  const rows: string[] = []
  const bounds: string[] = []
  for (let index = 0; index < count; index++) {
    const spans = (following[index] as number) < count
    if (spans) {
      saved.push(`+ ${cost(index)} x${index}`)
      bounds.push(`0 <= x${index} <= 1`)
    }
    bounds.push(`0 <= u${index} <= ${Math.max(0, budget / 1e6 - size(index))}`)
    if (index === 0) {
      rows.push('u0 = 0')
      continue
    }
    const before = index - 1
    // A model asked for twice in a row is kept for nothing: it is the one asked for in between.
    const opens =
      (following[before] as number) < count && following[before] !== index ? ` - ${size(before)} x${before}` : ''
    const kept = previous[index] as number
    const closes = kept >= 0 && kept !== before ? ` + ${size(kept)} x${kept}` : ''
    rows.push(`u${index} - u${before}${opens}${closes} = 0`)
  }
  const problem = `Maximize\n obj: ${saved.join('\n ')}\nSubject To\n ${rows.join('\n ')}\nBounds\n ${bounds.join('\n ')}\nEnd`
  const solution = (await loadHighs()).solve(problem, { presolve: 'on' })
  if (solution.Status !== 'Optimal') throw new Error(`The linear programme ended ${solution.Status}.`)
  let all = 0
  for (let index = 0; index < count; index++) all += cost(index)
  return ((all - solution.ObjectiveValue) * 1_000) / count
}
