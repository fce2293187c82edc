interface Node<T> {
  readonly item: T;
  dueAtMs: number;
  index: number;
}

/** Items by the instant they are due; set and delete in O(log n), the earliest in O(1). */
export class DueHeap<T> {
  readonly #heap: Node<T>[] = [];
  readonly #nodes = new Map<T, Node<T>>();

  get size(): number {
    return this.#heap.length;
  }

  get nextDueAtMs(): number | undefined {
    return this.#heap[0]?.dueAtMs;
  }

  /** The earliest item if it is due. */
  due(nowMs: number): T | undefined {
    const first = this.#heap[0];
    return first && first.dueAtMs <= nowMs ? first.item : undefined;
  }

  /** The earliest items that are due, at most `limit`, earliest first; they stay in the heap. */
  allDue(nowMs: number, limit: number): T[] {
    const taken: Node<T>[] = [];
    for (let first = this.#heap[0]; first; first = this.#heap[0]) {
      if (taken.length >= limit || first.dueAtMs > nowMs) break;
      this.delete(first.item);
      taken.push(first);
    }
    for (const { item, dueAtMs } of taken) this.set(item, dueAtMs);
    return taken.map(({ item }) => item);
  }

  set(item: T, dueAtMs: number): void {
    let node = this.#nodes.get(item);
    if (node) {
      node.dueAtMs = dueAtMs;
    } else {
      node = { item, dueAtMs, index: this.#heap.length };
      this.#heap.push(node);
      this.#nodes.set(item, node);
    }
    this.#rise(node);
    this.#sink(node);
  }

  delete(item: T): void {
    const node = this.#nodes.get(item);
    if (!node) return;
    this.#nodes.delete(item);
    const last = this.#heap.pop();
    if (!last || last === node) return;
    this.#place(last, node.index);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(node: Node<T>): void {
    while (node.index > 0) {
      const parent = this.#heap[(node.index - 1) >> 1];
      if (!parent || parent.dueAtMs <= node.dueAtMs) return;
      this.#swap(node, parent);
    }
  }

  #sink(node: Node<T>): void {
    for (;;) {
      const left = this.#heap[2 * node.index + 1];
      const right = this.#heap[2 * node.index + 2];
      const child = right && left && right.dueAtMs < left.dueAtMs ? right : left;
      if (!child || child.dueAtMs >= node.dueAtMs) return;
      this.#swap(node, child);
    }
  }

  #swap(a: Node<T>, b: Node<T>): void {
    const index = a.index;
    this.#place(a, b.index);
    this.#place(b, index);
  }

  #place(node: Node<T>, index: number): void {
    this.#heap[index] = node;
    node.index = index;
  }
}
