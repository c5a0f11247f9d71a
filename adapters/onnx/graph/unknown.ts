import { UnknownCut } from './errors.ts'
import type { Model } from './model.ts'
import { because, type Cuts, type Refusal } from './refused-cut.ts'

/**
 * Says why a model has no cut of that name, and what to use instead.
 * @param refusal Why it is not offered, where it exists.
 * @param all The cuts that there are.
 */
export function unknownCut(model: Model, wanted: string, refusal: Refusal | undefined, all: Cuts): UnknownCut {
  return new UnknownCut(`${whyNot(model, wanted, refusal)} ${instead(model, wanted, all)}`)
}

function whyNot(model: Model, wanted: string, refusal: Refusal | undefined): string {
  if (refusal) return `Behind "${wanted}" ${because(refusal)}.`
  const layer = model.layers.find((one) => one.name === wanted || one.label === wanted)
  if (!layer) return `There is no layer "${wanted}".`
  const open = layer.outputs.find(({ shape }) => shape === undefined)
  return open
    ? `Behind "${wanted}" the model cannot be cut: the shape of "${open.name}" is only known in a run.`
    : `Behind "${wanted}" the model cannot be cut: too many tensors would cross, or some that cannot.`
}

function instead(model: Model, wanted: string, all: Cuts): string {
  const near = nearest(wanted, [
    ...new Set([...all.map(({ name }) => name), ...model.layers.map(({ name }) => name)]),
  ]).filter((name) => all.some((cut) => cut.name === name))
  const best = all.some((cut) => cut.envelope) ? all.filter((cut) => cut.envelope) : all
  const some = [...new Set([...near, ...best.slice(0, 8).map(({ name }) => name)])].slice(0, 8)
  const more = all.length > some.length ? `, or any of the ${all.length} that "quintet inspect" lists` : ''
  const gaveUp = all.complete ? '' : ' The search for cuts ended at its limit: there may be more.'
  return `Use one of ${some.join(', ') || '(it has none)'}${more}.${gaveUp}`
}

/** The names most like what was wanted, at most three, best first; none that is wholly unlike. */
function nearest(wanted: string, names: readonly string[]): string[] {
  const pairs = (text: string): Set<string> =>
    new Set(Array.from({ length: Math.max(0, text.length - 1) }, (_, at) => text.slice(at, at + 2).toLowerCase()))
  const own = pairs(wanted)
  const likeness = (name: string): number => {
    const other = pairs(name)
    const shared = [...own].filter((pair) => other.has(pair)).length
    return (2 * shared) / Math.max(1, own.size + other.size)
  }
  return names
    .map((name) => ({ name, like: likeness(name) }))
    .filter(({ like }) => like > 0.5)
    .sort((a, b) => b.like - a.like)
    .slice(0, 3)
    .map(({ name }) => name)
}
