import type { Explanation, Plan } from '../../../pipeline/index.ts'
import { type ChoiceField, choiceFields, choiceOf, compatible } from '../choices.ts'
import type { LoggedDecision } from '../log/index.ts'

/** A log that does not say how likely a choice was. */
export const untold = -1

/**
 * What was chosen in a logged decision: what its deciders closed, and in the other fields what the attempt's plan said
 * in the end.
 */
export function chosenIn(decision: LoggedDecision, plan: Plan): Plan {
  return { ...plan, ...choiceOf(decision.menu, { ...decision.menu, ...decision.left }) }
}

/**
 * With which chance the logged deciders would have chosen as `choice` does, in the fields that it names; the others
 * follow the log. Deciders that were asked one after the other multiply, each given what those before it had chosen;
 * behind the first that chose otherwise nothing is known, and nothing needs to be: the weight is 0.
 * @returns 0…1, or `untold`
 */
export function chanceOf(choice: Plan, { menu, explanations }: LoggedDecision): number {
  let chance = 1
  let open = namedFields(choice)
  for (const explanation of explanations) {
    const weighs = open.filter((field) => explanation.weighed.some((one) => one.choice[field] !== undefined))
    if (weighs.length === 0) continue
    open = open.filter((field) => !weighs.includes(field))
    chance *= share(choice, explanation)
    const taken = explanation.weighed[explanation.chosen]
    if (!taken || !compatible(taken.choice, choice)) return chance
  }
  for (const [field, list] of choiceFields) {
    if (!open.includes(field)) continue
    // Where there was but one, it was chosen.
    const [only, another] = menu[list]
    if (another !== undefined || only === undefined) return untold
    if (only !== choice[field]) return 0
  }
  return chance
}

/** The fields of a choice of which a logged decision does not say with which chance they were chosen. */
export function untoldFields(choice: Plan, { menu, explanations }: LoggedDecision): ChoiceField[] {
  const weighed = (field: ChoiceField) =>
    explanations.some((one) => one.weighed.some((arm) => arm.choice[field] !== undefined))
  return choiceFields.flatMap(([field, list]) =>
    choice[field] !== undefined && menu[list].length !== 1 && !weighed(field) ? [field] : [],
  )
}

function namedFields(choice: Plan): ChoiceField[] {
  return choiceFields.flatMap(([field]) => (choice[field] === undefined ? [] : [field]))
}

function share(choice: Plan, { weighed }: Explanation): number {
  let sum = 0
  for (const one of weighed) if (compatible(one.choice, choice)) sum += one.propensity
  return Math.min(1, sum)
}
