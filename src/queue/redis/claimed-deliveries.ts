/** Deliveries that came claimed: Redis holds nothing of them but the claim. */
import type { QueueMessage } from "../../../gen/agentlane/store/v1/record_pb.js";
import type { HandedClaim, HandedClaims } from "../../redis/handed-claims.ts";
import type { Delivery } from "../contract.ts";

export class ClaimedDeliveries {
  readonly #handedClaims: HandedClaims;
  readonly #returning = new Set<Promise<void>>();

  constructor(handedClaims: HandedClaims) {
    this.#handedClaims = handedClaims;
  }

  /** `settle` answers whether it is the first to settle it. */
  delivery(message: QueueMessage, claim: HandedClaim, settle: () => boolean): Delivery {
    this.#handedClaims.put(claim);
    const settleOnce = (): boolean => {
      this.#handedClaims.drop(claim);
      return settle();
    };
    return {
      message,
      redelivered: false,
      ack: async () => void settleOnce(),
      nack: async () => {
        if (settleOnce()) this.giveBack(claim);
      },
    };
  }

  giveBack(claim: HandedClaim): void {
    const returning = this.#handedClaims
      .giveBack(claim)
      .finally(() => this.#returning.delete(returning));
    this.#returning.add(returning);
  }

  /** Resolves when what was given back is. */
  async settled(): Promise<void> {
    await Promise.all(this.#returning);
  }
}
