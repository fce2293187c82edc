/** What a model says, as server-sent events: whatever the text, a client reads the same chunks. */
import { EventEmitter } from "node:events";
import { systemClock } from "../../../src/clock.ts";
import { createEventStream } from "../../../src/server/openai/event-stream.ts";
import { assertSame } from "../expectations.ts";

export function fuzz(data: Buffer): void {
  const texts = data.toString("utf8").split("|").slice(0, 16);
  const events = texts.map((content) => JSON.stringify({ choices: [{ delta: { content } }] }));
  let written = "";
  let close = (): void => undefined;
  const response = Object.assign(new EventEmitter(), {
    setHeader: () => undefined,
    write(text: string) {
      written += text;
      return true;
    },
    end(text: string) {
      written += text;
    },
  });
  const stream = createEventStream({
    // Only these of the response's methods are used.
    response: response as never,
    clock: systemClock,
    onClose: (callback) => {
      close = callback;
    },
  });
  void stream.send(events);
  stream.end("[DONE]");
  close();
  assertSame(eventsOf(written), [...events, "[DONE]"], "events");
}

/** As https://html.spec.whatwg.org/multipage/server-sent-events.html has it. */
function eventsOf(text: string): string[] {
  const found: string[] = [];
  let lines: string[] = [];
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line === "") {
      if (lines.length > 0) found.push(lines.join("\n"));
      lines = [];
    } else if (line.startsWith("data:")) lines.push(line.slice(5).replace(/^ /, ""));
  }
  return found;
}
