import type { StageContext } from './context.ts'
import type { Decider, DecisionRequest, Explanation } from './decider.ts'
import { BadConfiguration, Cancelled, described } from './errors.ts'
import { BaseMenu } from './menu.ts'
import { evolve, type Message, type Tried } from './message.ts'
import { payloadBytes } from './payload.ts'
import { anyLayer, type Encoding, lastAnswer, type Menu, offers, type Plan } from './plan.ts'
import { asStage, type Unchanging, workStage } from './stage.ts'

const untried: readonly Tried[] = []
const fields = ['models', 'cuts', 'encodings', 'targets', 'backups'] as const

/**
 * Asks deciders, left to right, about every message; each narrows what is still open. A field with one choice left is
 * closed: it is the plan. Deciders learn from every outcome of their half. What is planned already as another's backup
 * passes by.
 */
export function decide(...deciders: readonly Decider[]): Unchanging {
  const name = deciders.map((decider) => decider.name).join('+') || 'decide'
  return asStage<Unchanging>(
    workStage(name, (context) => {
      const { side, models, platform } = context
      for (const decider of deciders) decider.open?.({ side, models, platform })
      context.deciders.push(...deciders)
      const base = new BaseMenu(context)
      return {
        work: (message) => (message.backup ? message : decideOne(message, name, deciders, base, context)),
      }
    }),
  )
}

function decideOne(
  message: Message,
  name: string,
  deciders: readonly Decider[],
  base: BaseMenu,
  context: StageContext,
): Message {
  const { clock, world, events } = context
  const now = clock.now()
  const { payload, deadline = context.deadline } = message
  const request: DecisionRequest = {
    id: message.id,
    source: message.source,
    seq: message.seq,
    side: message.side,
    at: payload.at,
    bytes: payloadBytes(payload),
    width: 'width' in payload ? payload.width : undefined,
    height: 'height' in payload ? payload.height : undefined,
    elapsed: now - message.captured,
    // A late answer may still be waited for; it is late all the same.
    remaining: Math.max(0, Math.min(message.expires, message.captured + deadline) - now),
    deadline,
    accuracy: message.accuracy,
    way: message.way,
    now,
    plan: message.plan,
    attempt: message.attempt,
    tried: message.tried ?? untried,
  }
  const whole = base.of(message.source, now)
  const before = base.available(message, whole)
  const explanations: Explanation[] | undefined = context.explain ? [] : undefined
  let menu = before
  for (const decider of deciders) {
    menu = assertMenu(decider.decide(request, world, menu), decider.name)
    const explanation = explanations && decider.explain?.()
    if (explanation) explanations.push(explanation)
    for (const field of fields) {
      if (menu[field].length === 0 && before[field].length > 0) {
        throw new BadConfiguration(
          `Decider "${decider.name}" left nothing to choose among ${field}. It must keep at least one.`,
        )
      }
    }
  }
  const plan = closed(menu)
  if (plan.model === lastAnswer) assertRepeatable(plan, before)
  else if (plan.cut !== undefined) base.assertLayer(plan.model, plan.cut)
  if (message.tried) assertNew(plan, before)
  const { id, attempt } = message
  const decision = { type: 'decided', id, attempt, decider: name, plan } as const
  events.emit(explanations ? { ...decision, explanations } : decision)
  const decided = evolve(message, { plan, open: stillOpen(menu, whole) })
  context.attempts?.planned(decided)
  return decided
}

/** Deciders can be anybody's. */
function assertMenu(menu: unknown, decider: string): Menu {
  if (typeof menu === 'object' && menu !== null) {
    const lists = menu as Readonly<Record<string, unknown>>
    if (fields.every((field) => Array.isArray(lists[field]))) return menu as Menu
  }
  throw new BadConfiguration(
    `Decider "${decider}" gave ${described(menu)}, which is no menu. Return the menu it got, or one with less in its lists.`,
  )
}

function closed(menu: Menu): Plan {
  const { models, cuts, encodings, targets, backups, backupAfter, accept } = menu
  const plan: { -readonly [K in keyof Plan]: Plan[K] } = {}
  const model = only(models)
  if (model !== undefined) plan.model = model
  const cut = model === lastAnswer ? (only(cuts) ?? 'answered') : only(cuts)
  // Any layer is none in particular: the cut is open still.
  if (cut !== undefined && cut !== anyLayer) plan.cut = cut
  const encoding: Encoding | undefined = only(encodings)
  if (encoding !== undefined) plan.encoding = encoding
  const target = only(targets)
  if (target !== undefined) plan.target = target
  const backup = only(backups)
  if (backup !== undefined) plan.backup = backup
  if (backupAfter !== undefined) plan.backupAfter = backupAfter
  if (accept !== undefined) plan.accept = accept
  return plan
}

function only<T>(list: readonly T[]): T | undefined {
  return list.length === 1 ? list[0] : undefined
}

/** What must travel with the message: the lists that are shorter than the base, or in another order, but not closed. */
function stillOpen(menu: Menu, base: Menu): Message['open'] {
  const open: { -readonly [K in keyof Message['open']]: Message['open'][K] } = {}
  if (narrowed(menu.models, base.models)) open.models = menu.models
  if (narrowed(menu.cuts, base.cuts)) open.cuts = menu.cuts
  if (narrowed(menu.encodings, base.encodings)) open.encodings = menu.encodings
  if (narrowed(menu.targets, base.targets)) open.targets = menu.targets
  if (narrowed(menu.backups, base.backups)) open.backups = menu.backups
  return open
}

function narrowed<T>(list: readonly T[], all: readonly T[]): boolean {
  if (list === all || list.length < 2) return false
  return list.length !== all.length || list.some((choice, at) => choice !== all[at])
}

function assertRepeatable({ cut }: Plan, { lastAge }: Menu): void {
  if (lastAge === undefined) {
    throw new BadConfiguration(
      'There is no last answer of this source to give again. Plan it where the menu has its age.',
    )
  }
  if (cut !== 'answered') {
    throw new BadConfiguration(`The last answer is given again on the device: plan the cut "answered", not "${cut}".`)
  }
}

/** A plan that an earlier attempt has shown to be of no use is not tried again. */
function assertNew({ model, cut }: Plan, { models, cuts }: Menu): void {
  const known =
    (model === undefined || model === lastAnswer || models.includes(model)) && (cut === undefined || offers(cuts, cut))
  if (!known) throw new Cancelled('No decider offers anything that was not tried for this message.')
}
