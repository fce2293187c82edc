/** `agentlane chat`: a conversation at the terminal, or a turn for each line of a pipe. */
import { runChat } from "../chat/chat.ts";
import { operand, text } from "../options.ts";
import { remoteCommand } from "../remote.ts";

export const chatCommand = remoteCommand({
  name: "chat",
  summary: "Talks with an agent: streams, shows tool calls, lets one answer its questions",
  details: `Ctrl-C cancels the running turn; a second one leaves. /help tells the commands inside.
Where standard input is no terminal each line is a turn, and the answers alone are written to
standard output; the exit code is that of the first turn that failed.
With --json each line is a StreamExecuteResponse of the contract.`,
  isStream: true,
  options: { session: text("SESSION", "Go on with this one; default: a new one", { short: "s" }) },
  operands: { agent: operand("AGENT", "Whom to talk to") },
  run({ agent, session }, remote) {
    // Short enough to be typed, and one of 2^48.
    return runChat(remote, agent, session ?? `chat-${crypto.randomUUID().slice(-12)}`);
  },
});
