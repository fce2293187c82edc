/**
 * A bus whose log entries are opened where they are heard. They come sealed from the store that wrote
 * them, so nothing is to be done where they are published.
 */
import type { LogEntries, Notice } from "../../gen/agentlane/store/v1/record_pb.js";
import type { EventBus } from "../queue/contract.ts";
import { grownNotice } from "../store/messages.ts";
import { type Content, isSealedEvent } from "./content.ts";
import { openEntries } from "./encrypted-store.ts";

/** Notices of one subscription that may be opened at once; what comes beyond is read from the store. */
const MAX_OPENING = 1024;

export function encryptBus(bus: EventBus, content: Content): EventBus {
  return {
    type: bus.type,
    start: () => bus.start(),
    stop: () => bus.stop(),
    publish: (topic, notice) => bus.publish(topic, notice),
    async subscribe(topic, listener) {
      const hearing = openInOrder(content, listener);
      const subscription = await bus.subscribe(topic, hearing.hear);
      return {
        close() {
          hearing.close();
          subscription.close();
        },
      };
    },
  };
}

/** Hands notices on in the order in which they came, however long each takes to open. */
function openInOrder(content: Content, listener: (notice: Notice) => void) {
  let openingCount = 0;
  let isClosed = false;
  let last: Promise<void> = Promise.resolve();

  async function handOn(before: Promise<void>, opened: Promise<Notice>): Promise<void> {
    await before;
    const notice = await opened;
    openingCount -= 1;
    if (!isClosed) listener(notice);
  }

  return {
    hear(notice: Notice): void {
      if (isClosed) return;
      if (openingCount === 0 && !isSealed(notice)) {
        listener(notice);
        return;
      }
      openingCount += 1;
      last = handOn(last, openingCount > MAX_OPENING ? grown(notice) : open(content, notice));
    },
    close(): void {
      isClosed = true;
    },
  };
}

function isSealed({ kind }: Notice): boolean {
  if (kind.case !== "entries") return false;
  return kind.value.entries.some(({ event }) => event && isSealedEvent(event));
}

async function open(content: Content, notice: Notice): Promise<Notice> {
  if (notice.kind.case !== "entries") return notice;
  const value: LogEntries = notice.kind.value;
  try {
    const entries = await openEntries(content, notice, value.entries);
    return { ...notice, kind: { case: "entries", value: { ...value, entries } } };
  } catch {
    // Whoever reads them from the store gets the reason.
    return grown(notice);
  }
}

async function grown(notice: Notice): Promise<Notice> {
  if (notice.kind.case !== "entries") return notice;
  const { entries, lastSequence } = notice.kind.value;
  return grownNotice(notice, entries.at(-1)?.sequence ?? lastSequence);
}
