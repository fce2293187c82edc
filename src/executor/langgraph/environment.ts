/**
 * What LangChain reads from the environment while it loads; every file of this room that imports it
 * imports this one first. Without LANGCHAIN_CALLBACKS_BACKGROUND=false callbacks run on one
 * background queue for the whole process and streamed tokens are lost under concurrency (measured:
 * 0–1 of 100 left at 32 streams). LangSmith tracing stays as the user set it: it is off unless a
 * LANGSMITH_TRACING variable says "true".
 */
process.env.LANGCHAIN_CALLBACKS_BACKGROUND = "false";
