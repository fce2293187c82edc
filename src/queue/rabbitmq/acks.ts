/**
 * The settlements of one channel. Acks of one turn of the loop go out together: those that leave
 * nothing unsettled before them in one frame, which the broker takes as one command, the others one
 * by one. Nothing is acked that was not asked for: a message that nobody here has seen yet may have
 * a lower tag than one that is done.
 */
import type { Channel, Message } from "amqplib";

export class Acks {
  readonly #channel: Pick<Channel, "ack" | "nack" | "reject">;
  readonly #onSend: () => void;
  /** Everything up to this delivery tag is settled; the broker counts from 1. */
  #settledUpTo = 0;
  /** What is settled beyond it. */
  readonly #settled = new Set<number>();
  /** To be acked, by tag. */
  readonly #waiting = new Map<number, Message>();
  #isPlanned = false;

  /** `onSend` is called whenever something was handed to the driver. */
  constructor(channel: Pick<Channel, "ack" | "nack" | "reject">, onSend: () => void) {
    this.#channel = channel;
    this.#onSend = onSend;
  }

  ack(raw: Message): void {
    this.#waiting.set(raw.fields.deliveryTag, raw);
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    // After all that this turn has brought, and before the driver writes.
    process.nextTick(() => {
      this.#isPlanned = false;
      try {
        this.flush();
      } catch {
        // The channel has closed: the broker delivers again what it has heard no ack of.
      }
    });
  }

  /** Back to where it was. */
  nack(raw: Message): void {
    this.#settled.add(raw.fields.deliveryTag);
    this.#channel.nack(raw, false, true);
    this.#onSend();
  }

  /** On to where the queue sends what it gives up. */
  reject(raw: Message): void {
    this.#settled.add(raw.fields.deliveryTag);
    this.#channel.reject(raw, false);
    this.#onSend();
  }

  /** Sends the acks that wait. Throws when the channel is closed. */
  flush(): void {
    if (this.#waiting.size === 0) return;
    const last = this.#takeRun();
    if (last) this.#channel.ack(last, true);
    for (const [tag, raw] of this.#waiting) {
      this.#settled.add(tag);
      this.#channel.ack(raw);
    }
    this.#waiting.clear();
    this.#onSend();
  }

  /** Moves on over what is settled or about to be; the last of the acks, which stands for all. */
  #takeRun(): Message | undefined {
    let last: Message | undefined;
    for (;;) {
      const tag = this.#settledUpTo + 1;
      const raw = this.#waiting.get(tag);
      if (!raw && !this.#settled.has(tag)) return last;
      this.#settledUpTo = tag;
      this.#settled.delete(tag);
      this.#waiting.delete(tag);
      last = raw ?? last;
    }
  }
}
