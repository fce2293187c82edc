/**
 * A doubly linked list with removal by link in O(1). JavaScript's Set keeps insertion order too, but
 * finding its first member walks over everything deleted before it, which is quadratic for a line.
 */

/** A value's place in one list. */
export class Link<T> {
  readonly value: T;
  /** Managed by the list. */
  previous: Link<T> | undefined;
  next: Link<T> | undefined;
  list: LinkedList<T> | undefined;

  constructor(value: T, list: LinkedList<T>) {
    this.value = value;
    this.list = list;
  }
}

export class LinkedList<T> {
  #first: Link<T> | undefined;
  #last: Link<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first?.value;
  }

  append(value: T): Link<T> {
    const link = new Link(value, this);
    link.previous = this.#last;
    if (this.#last) this.#last.next = link;
    else this.#first = link;
    this.#last = link;
    this.#size++;
    return link;
  }

  prepend(value: T): Link<T> {
    const link = new Link(value, this);
    link.next = this.#first;
    if (this.#first) this.#first.previous = link;
    else this.#last = link;
    this.#first = link;
    this.#size++;
    return link;
  }

  /** Does nothing for a link that is not (any more) in this list. */
  remove(link: Link<T> | undefined): void {
    if (link?.list !== this) return;
    if (link.previous) link.previous.next = link.next;
    else this.#first = link.next;
    if (link.next) link.next.previous = link.previous;
    else this.#last = link.previous;
    link.list = undefined;
    this.#size--;
  }

  shift(): T | undefined {
    const first = this.#first;
    this.remove(first);
    return first?.value;
  }

  /** First to last. Removing the value just seen is allowed. */
  *forward(): Generator<T, void> {
    for (let link = this.#first; link; link = link.next) yield link.value;
  }

  /** Last to first. Removing the value just seen is allowed. */
  *backward(): Generator<T, void> {
    for (let link = this.#last; link; link = link.previous) yield link.value;
  }
}
