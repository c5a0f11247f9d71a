import { Observable, type Observer, type Operator, Subscriber, type Subscription, type TeardownLogic } from 'rxjs'

/**
 * A stream whose readers may throw: what a callback of theirs throws goes to `caught`, and the stream goes on. RxJS would
 * throw it again on a timer, where no `try` reaches it and the process ends. What is piped from it is guarded as well.
 */
export class Guarded<T> extends Observable<T> {
  readonly #caught: (error: unknown) => void

  constructor(subscribe: ((subscriber: Subscriber<T>) => TeardownLogic) | undefined, caught: (error: unknown) => void) {
    super(subscribe)
    this.#caught = caught
  }

  /** A stream as it is, guarded. */
  static of<T>(stream: Observable<T>, caught: (error: unknown) => void): Guarded<T> {
    return new Guarded<T>((subscriber) => stream.subscribe(subscriber), caught)
  }

  /** How RxJS 7 pipes: without it, what is piped would be a plain Observable again. */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new Guarded<R>(undefined, this.#caught)
    Object.assign(lifted, { source: this, operator })
    return lifted
  }

  override subscribe(observer?: Partial<Observer<T>>): Subscription
  override subscribe(next: (value: T) => void): Subscription
  override subscribe(
    next?: ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription
  override subscribe(
    first?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // An operator's own; it hands errors on by itself.
    if (first instanceof Subscriber) return super.subscribe(first)
    const caught = this.#caught
    const observer: Partial<Observer<T>> =
      typeof first === 'object' && first !== null
        ? first
        : { next: first ?? noop, error: error ?? caught, complete: complete ?? noop }
    const guard =
      <A extends readonly unknown[]>(call: (...values: A) => void) =>
      (...values: A) => {
        try {
          call(...values)
        } catch (thrown) {
          caught(thrown)
        }
      }
    return super.subscribe({
      next: guard((value: T) => observer.next?.(value)),
      error: guard((thrown: unknown) => (observer.error ? observer.error(thrown) : caught(thrown))),
      complete: guard(() => observer.complete?.()),
    })
  }
}

const noop = () => {}
