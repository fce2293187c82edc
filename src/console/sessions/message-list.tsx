/** Messages of a conversation, all kinds of their parts. */
import { type ContentPart, type Message, Role } from "../../../gen/agentlane/v1/content_pb.js";
import { atMs, formatInstant } from "../model/format.ts";
import { roleName } from "../model/states.ts";
import { jsonOf } from "../model/turn-view.ts";
import { Code, Json, pretty } from "../ui/json.tsx";

export function MessageList({ messages }: { messages: readonly Message[] }) {
  if (messages.length === 0) return null;
  return (
    <ol class="messages">
      {messages.map((message, index) => (
        <li key={message.id || index} class={`message role-${Role[message.role]?.toLowerCase()}`}>
          <p class="message-head">
            <strong>{roleName(message.role)}</strong>
            {message.name && <code>{message.name}</code>}
            {message.createdAt && (
              <time class="quiet-text">{formatInstant(atMs(message.createdAt)).slice(0, 19)}</time>
            )}
          </p>
          {message.content.map((part, at) => (
            <Part key={`${message.id} ${at}`} part={part} />
          ))}
        </li>
      ))}
    </ol>
  );
}

function Part({ part: { part } }: { part: ContentPart }) {
  switch (part.case) {
    case "text":
      return <p class="prose">{part.value}</p>;
    case "reasoning":
      return <p class="prose quiet-text">{part.value}</p>;
    case "json":
      return <Json value={jsonOf(part.value)} label="JSON of the message" />;
    case "toolCall":
      return (
        <div class="tool-part">
          <p>
            calls <code>{part.value.name}</code>
          </p>
          <Json value={part.value.arguments ?? {}} label={`Arguments of ${part.value.name}`} />
        </div>
      );
    case "toolResult":
      return (
        <div class="tool-part">
          {part.value.isError && <p class="error-message">The tool failed:</p>}
          <Code text={pretty(part.value.text)} label="Answer of the tool" />
        </div>
      );
    case "image":
    case "file": {
      const { source, mediaType } = part.value;
      const where = source.case === "data" ? `${source.value.byteLength} bytes` : source.value;
      return (
        <p>
          {part.case} <code>{mediaType}</code> <span class="break">{where?.slice(0, 200)}</span>
        </p>
      );
    }
    default:
      return <p class="quiet-text">A part newer than this page.</p>;
  }
}
