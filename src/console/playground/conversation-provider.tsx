/** One conversation for as long as the console is open. */
import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { useServices } from "../services/services.ts";
import { type Conversation, createConversation } from "./conversation.ts";

const ConversationContext = createContext<Conversation | undefined>(undefined);

export function useConversation(): Conversation {
  const conversation = useContext(ConversationContext);
  if (!conversation) throw new Error("outside of ConversationProvider");
  return conversation;
}

export function ConversationProvider({ children }: { children: ComponentChildren }) {
  const services = useServices();
  const [conversation] = useState(() => createConversation(services));
  useEffect(() => conversation.resume(), [conversation]);
  return (
    <ConversationContext.Provider value={conversation}>{children}</ConversationContext.Provider>
  );
}
