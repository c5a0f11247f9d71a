import { type Observable, type OperatorFunction, Subject, type Subscription } from 'rxjs'
import type { StageContext } from '../context.ts'
import { Guarded } from '../guarded.ts'
import { assertItem, type Item } from '../message.ts'
import type { OpenStage, StageDefinition } from '../stage.ts'

/** A stage of ours, or any RxJS operator over items. */
export type Link = OperatorFunction<Item, Item> & { readonly definition?: StageDefinition }

/** Stages that were opened together, and the stream of items through them. */
export class Chain {
  readonly #opened: readonly OpenStage[]
  readonly #context: StageContext
  readonly #onItem: (item: Item) => void
  readonly #onBroken: (error: unknown) => void
  #input: Subject<Item> | undefined
  #subscription: Subscription | undefined

  private constructor(
    opened: readonly OpenStage[],
    context: StageContext,
    onItem: (item: Item) => void,
    onBroken: (error: unknown) => void,
  ) {
    this.#opened = opened
    this.#context = context
    this.#onItem = onItem
    this.#onBroken = onBroken
    this.#connect()
  }

  /**
   * Opens all stages, or none: what opened before one failed is closed again.
   * @param onItem what comes out
   * @param onBroken an operator errored, or completed before its source: what was in it is lost. The next item that is
   * pushed goes through the same stages, connected anew.
   */
  static async open(
    links: readonly Link[],
    context: StageContext,
    onItem: (item: Item) => void,
    onBroken: (error: unknown) => void,
  ): Promise<Chain> {
    const results = await Promise.allSettled(links.map(async (link) => openLink(link, context)))
    const opened = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) {
      await Promise.allSettled(opened.map((stage) => stage.close()))
      throw failed.reason
    }
    return new Chain(opened, context, onItem, onBroken)
  }

  push(item: Item): void {
    const input = this.#input ?? this.#connect()
    input.next(item)
  }

  /** Closes the stages, the first one first; what one throws is a fault and keeps the others from nothing. */
  async close(): Promise<void> {
    this.#subscription?.unsubscribe()
    for (const stage of this.#opened) {
      try {
        await stage.close()
      } catch (error) {
        this.#context.events.emit({ type: 'fault', where: 'close', error })
      }
    }
  }

  #connect(): Subject<Item> {
    const input = new Subject<Item>()
    this.#input = input
    const broken = (error: unknown) => {
      this.#input = undefined
      this.#onBroken(error)
    }
    const caught = (error: unknown) => this.#context.events.emit({ type: 'fault', where: 'chain', error })
    // An operator of the user's may subscribe with callbacks that throw; RxJS would end the process for it.
    const output = this.#opened.reduce<Observable<Item>>(
      (stream, stage) => Guarded.of(stream, caught).pipe(stage.operator),
      input,
    )
    this.#subscription = Guarded.of(output, caught).subscribe({
      next: (item) => this.#onItem(assertItem(item)),
      error: broken,
      complete: () => broken(ended()),
    })
    return input
  }
}

const ended = () =>
  new Error('an operator completed while messages may still come, as take() does. Let it go on, or use filter()')

function openLink(link: Link, context: StageContext): OpenStage | Promise<OpenStage> {
  return link.definition ? link.definition.open(context) : { operator: link, close: async () => {} }
}
