import type { StageContext } from './context.ts'
import type { Decider, DecisionRequest, Explanation, Tried } from './decider.ts'
import { BadConfiguration } from './errors.ts'
import { evolve, type Message } from './message.ts'
import { type Cut, payloadBytes } from './payload.ts'
import { type Backup, type Encoding, type Menu, type Plan, rank, restrict, type Target } from './plan.ts'
import { asStage, type Unchanging, workStage } from './stage.ts'

const encodings: readonly Encoding[] = ['jpeg', 'webp', 'raw', 'tensor']
const targets: readonly Target[] = ['any']
const backups: readonly Backup[] = ['none']
const untried: readonly Tried[] = []

/**
 * Asks deciders, left to right, about every message; each narrows what is still open. A field with one choice left is
 * closed: it is the plan. Deciders learn from every outcome of their half.
 */
export function decide(...deciders: readonly Decider[]): Unchanging {
  const name = deciders.map((decider) => decider.name).join('+') || 'decide'
  return asStage<Unchanging>(
    workStage(name, (context) => {
      for (const decider of deciders) decider.open?.({ side: context.side, models: context.models })
      context.deciders.push(...deciders)
      const base = baseMenu(context)
      return { work: (message) => decideOne(message, name, deciders, base, context) }
    }),
  )
}

/** Everything there is to choose from, on this half of this pipeline. */
function baseMenu(context: StageContext): Menu {
  const { route, models } = context
  const cuts: Cut[] = []
  if (route.wire) cuts.push('captured')
  if (route.wire && route.prepares) cuts.push('prepared')
  if (route.prepares && route.executes) cuts.push('answered')
  return { models: models?.ids ?? [], cuts, encodings, targets, backups }
}

function decideOne(
  message: Message,
  name: string,
  deciders: readonly Decider[],
  base: Menu,
  context: StageContext,
): Message {
  const { clock, world, events } = context
  const now = clock.now()
  const { payload } = message
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
    remaining: message.expires - now,
    deadline: context.deadline,
    way: message.way,
    now,
    plan: message.plan,
    attempt: message.attempt,
    tried: message.tried ?? untried,
  }
  const before = available(message, base)
  const explanations: Explanation[] | undefined = context.explain ? [] : undefined
  let menu = before
  for (const decider of deciders) {
    menu = decider.decide(request, world, menu)
    const explanation = explanations && decider.explain?.()
    if (explanation) explanations.push(explanation)
    for (const field of ['models', 'cuts', 'encodings', 'targets', 'backups'] as const) {
      if (menu[field].length === 0 && before[field].length > 0) {
        throw new BadConfiguration(
          `Decider "${decider.name}" left nothing to choose among ${field}. It must keep at least one.`,
        )
      }
    }
  }
  const plan = closed(menu)
  const { id, attempt } = message
  events.emit({ type: 'decided', id, attempt, decider: name, plan, ...(explanations ? { explanations } : {}) })
  return evolve(message, { plan, open: stillOpen(menu, base) })
}

/** The base menu less what is decided, what was excluded, and the cuts that lie behind the payload already. */
function available(message: Message, base: Menu): Menu {
  const { plan, payload } = message
  const open = restrict(base, message.open)
  const at = rank(payload.at)
  return {
    models: plan.model === undefined ? open.models : [plan.model],
    cuts: plan.cut === undefined ? open.cuts.filter((cut) => rank(cut) >= at) : [plan.cut],
    encodings: plan.encoding === undefined ? open.encodings : [plan.encoding],
    targets: plan.target === undefined ? open.targets : [plan.target],
    backups: plan.backup === undefined ? open.backups : [plan.backup],
  }
}

function closed(menu: Menu): Plan {
  const [model, cut, encoding, target, backup] = [
    menu.models,
    menu.cuts,
    menu.encodings,
    menu.targets,
    menu.backups,
  ].map((list) => (list.length === 1 ? list[0] : undefined))
  return {
    ...(model === undefined ? {} : { model }),
    ...(cut === undefined ? {} : { cut: cut as Cut }),
    ...(encoding === undefined ? {} : { encoding }),
    ...(target === undefined ? {} : { target: target as Target }),
    ...(backup === undefined ? {} : { backup: backup as Backup }),
  }
}

/** What must travel with the message: the lists that are shorter than the base but not closed. */
function stillOpen(menu: Menu, base: Menu): Message['open'] {
  const narrowed = <T>(list: readonly T[], all: readonly T[]) => list.length > 1 && list.length < all.length
  return {
    ...(narrowed(menu.models, base.models) ? { models: menu.models } : {}),
    ...(narrowed(menu.cuts, base.cuts) ? { cuts: menu.cuts } : {}),
    ...(narrowed(menu.encodings, base.encodings) ? { encodings: menu.encodings } : {}),
    ...(narrowed(menu.targets, base.targets) ? { targets: menu.targets } : {}),
    ...(narrowed(menu.backups, base.backups) ? { backups: menu.backups } : {}),
  }
}
