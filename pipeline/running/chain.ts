import { type Observable, type OperatorFunction, Subject, type Subscription } from 'rxjs'
import type { StageContext } from '../context.ts'
import type { Item } from '../message.ts'
import type { OpenStage, StageDefinition } from '../stage.ts'

/** A stage of ours, or any RxJS operator over items. */
export type Link = OperatorFunction<Item, Item> & { readonly definition?: StageDefinition }

/** Stages that were opened together, and the stream of items through them. */
export class Chain {
  readonly #opened: readonly OpenStage[]
  readonly #onItem: (item: Item) => void
  readonly #onBroken: (error: unknown) => void
  #input = new Subject<Item>()
  #subscription: Subscription | undefined

  private constructor(opened: readonly OpenStage[], onItem: (item: Item) => void, onBroken: (error: unknown) => void) {
    this.#opened = opened
    this.#onItem = onItem
    this.#onBroken = onBroken
    this.#connect()
  }

  /**
   * Opens all stages, or none: what opened before one failed is closed again.
   * @param onItem what comes out
   * @param onBroken an operator errored, which ends its stream; the chain has been connected anew already
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
    return new Chain(opened, onItem, onBroken)
  }

  push(item: Item): void {
    this.#input.next(item)
  }

  /** Closes the stages, the first one first. */
  async close(): Promise<void> {
    this.#subscription?.unsubscribe()
    for (const stage of this.#opened) await stage.close()
  }

  #connect(): void {
    this.#input = new Subject<Item>()
    const output = this.#opened.reduce<Observable<Item>>((stream, stage) => stream.pipe(stage.operator), this.#input)
    this.#subscription = output.subscribe({
      next: this.#onItem,
      error: (error) => {
        this.#connect()
        this.#onBroken(error)
      },
    })
  }
}

function openLink(link: Link, context: StageContext): OpenStage | Promise<OpenStage> {
  return link.definition ? link.definition.open(context) : { operator: link, close: async () => {} }
}
