/** A call as one would write it elsewhere: grpcurl and the five SDKs. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

export interface CallDraft {
  readonly agentId: string;
  /** Empty = stateless. */
  readonly sessionId: string;
  readonly text: string;
  /** Undefined = none. */
  readonly input?: JsonValue | undefined;
  /** The answer to an interrupt; then there is no text. */
  readonly resume?: JsonValue | undefined;
  readonly configurable?: JsonObject | undefined;
}

export interface Target {
  /** `http://host:port` */
  readonly url: string;
  /** Whether calls need a key; it is read from AGENTLANE_API_KEY, and never shown. */
  readonly hasKey: boolean;
}

export interface Snippet {
  readonly id: string;
  readonly name: string;
  readonly code: string;
}

export function snippetsOf(draft: CallDraft, target: Target): readonly Snippet[] {
  return [
    { id: "grpcurl", name: "grpcurl", code: grpcurl(draft, target) },
    { id: "typescript", name: "TypeScript", code: typescript(draft, target) },
    { id: "python", name: "Python", code: python(draft, target) },
    { id: "go", name: "Go", code: go(draft, target) },
    { id: "java", name: "Java", code: java(draft, target) },
    { id: "rust", name: "Rust", code: rust(draft, target) },
  ];
}

const FIELDS = ["agentId", "sessionId", "text", "input", "resume", "configurable"] as const;
type Field = (typeof FIELDS)[number];

/** Fields that are set, in one order everywhere. */
function fieldsOf(draft: CallDraft): (readonly [Field, JsonValue])[] {
  return FIELDS.flatMap((name) => {
    const value = draft[name];
    return value === undefined || value === "" ? [] : [[name, value] as const];
  });
}

function grpcurl(draft: CallDraft, { url, hasKey }: Target): string {
  const { host, protocol } = new URL(url);
  const body: Record<string, JsonValue> = { agent_id: draft.agentId };
  if (draft.sessionId) body.session_id = draft.sessionId;
  if (draft.text) body.messages = [{ role: "ROLE_USER", content: [{ text: draft.text }] }];
  if (draft.input !== undefined) body.input = draft.input;
  if (draft.resume !== undefined) body.resume = draft.resume;
  if (draft.configurable) body.configurable = draft.configurable;
  const flags = [
    ...(protocol === "https:" ? [] : ["-plaintext"]),
    ...(hasKey ? [`-H "authorization: Bearer $AGENTLANE_API_KEY"`] : []),
  ];
  return [
    `grpcurl ${flags.join(" ")} \\`.replace("grpcurl  ", "grpcurl "),
    `  -d ${shellQuoted(JSON.stringify(body, null, 2))} \\`,
    `  ${host.includes(":") ? host : `${host}:443`} agentlane.v1.AgentService/StreamExecute`,
  ].join("\n");
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function typescript(draft: CallDraft, { url, hasKey }: Target): string {
  const fields = fieldsOf(draft).map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`);
  const options = hasKey ? ", {\n  apiKey: process.env.AGENTLANE_API_KEY,\n}" : "";
  return `import { connect } from "@agentlane/sdk";

const client = connect(${JSON.stringify(url)}${options});
const stream = client.stream({
${fields.join("\n")}
});
for await (const { text } of stream) process.stdout.write(text);
client.close();
`;
}

function python(draft: CallDraft, { url, hasKey }: Target): string {
  const named: Readonly<Record<string, string>> = { sessionId: "session_id" };
  const rest = fieldsOf(draft)
    .filter(([name]) => name !== "agentId" && name !== "text")
    .map(([name, value]) => `${named[name] ?? name}=${pythonValue(value)}`);
  const args = [
    JSON.stringify(draft.agentId),
    ...(draft.text ? [JSON.stringify(draft.text)] : []),
    ...rest,
  ];
  const key = hasKey ? `, api_key=os.environ["AGENTLANE_API_KEY"]` : "";
  return `${hasKey ? "import os\n\n" : ""}from agentlane import connect

with connect(${JSON.stringify(url)}${key}) as client:
    with client.stream(
        ${args.join(",\n        ")},
    ) as stream:
        for event in stream:
            print(event.text, end="", flush=True)
`;
}

function pythonValue(value: JsonValue): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).map(
    ([key, item]) => `${JSON.stringify(key)}: ${pythonValue(item)}`,
  );
  return `{${entries.join(", ")}}`;
}

function go(draft: CallDraft, { url, hasKey }: Target): string {
  const named: Readonly<Record<string, string>> = {
    agentId: "AgentID",
    sessionId: "SessionID",
    text: "Text",
    input: "Input",
    resume: "Resume",
    configurable: "Configurable",
  };
  const set = fieldsOf(draft);
  const hasNull = set.some(([, value]) => value === null);
  // As gofmt has it.
  const width = Math.max(...set.map(([name]) => (named[name] ?? name).length)) + 1;
  const fields = set.map(([name, value]) => {
    // A nil field is one that was not given.
    const written = value === null ? "structpb.NewNullValue()" : goValue(value);
    return `\t\t${`${named[name]}:`.padEnd(width)} ${written},`;
  });
  const key = hasKey ? `, agentlane.WithAPIKey(os.Getenv("AGENTLANE_API_KEY"))` : "";
  return `package main

import (
	"context"
	"fmt"
	"log"${hasKey ? '\n\t"os"' : ""}

	"agentlane"${hasNull ? '\n\n\t"google.golang.org/protobuf/types/known/structpb"' : ""}
)

func main() {
	client, err := agentlane.Connect(${goString(url)}${key})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	stream := client.Stream(context.Background(), agentlane.Turn{
${fields.join("\n")}
	})
	for event, err := range stream.Events() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(event.Text)
	}
}
`;
}

function goString(text: string): string {
  return JSON.stringify(text);
}

function goValue(value: JsonValue): string {
  if (value === null) return "nil";
  if (Array.isArray(value)) return `[]any{${value.map(goValue).join(", ")}}`;
  if (typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, item]) => `${goString(key)}: ${goValue(item)}`);
  return `map[string]any{${entries.join(", ")}}`;
}

function java(draft: CallDraft, { url, hasKey }: Target): string {
  const calls = fieldsOf(draft).flatMap(([name, value]) => {
    if (name === "agentId") return [];
    return [`\n        .${name === "sessionId" ? "session" : name}(${javaValue(value)})`];
  });
  const hasNull = calls.some((call) => /\bNULL\b/.test(call));
  const imports = [
    ...(hasNull ? ["com.google.protobuf.Value"] : []),
    "io.agentlane.AgentlaneClient",
    ...(hasKey ? ["io.agentlane.ConnectOptions"] : []),
    "io.agentlane.Turn",
    ...(/\b(Map\.ofEntries|Arrays\.asList)\(/.test(calls.join("")) ? ["java.util.*"] : []),
  ];
  const options = hasKey
    ? `,\n        new ConnectOptions().apiKey(System.getenv("AGENTLANE_API_KEY"))`
    : "";
  return `${imports.map((name) => `import ${name};`).join("\n")}

class Call {
${hasNull ? "  static final Value NULL = Value.newBuilder().setNullValueValue(0).build();\n\n" : ""}  public static void main(String[] args) {
    var turn = Turn.of(${JSON.stringify(draft.agentId)})${calls.join("")};
    try (var client = AgentlaneClient.connect(${JSON.stringify(url)}${options});
        var stream = client.stream(turn)) {
      for (var event : stream) System.out.print(event.text());
    }
  }
}
`;
}

function javaValue(value: JsonValue): string {
  // Map.entry refuses null.
  if (value === null) return "NULL";
  if (Array.isArray(value)) return `Arrays.asList(${value.map(javaValue).join(", ")})`;
  if (typeof value === "number") return Number.isSafeInteger(value) ? `${value}.0` : String(value);
  if (typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).map(
    ([key, item]) => `Map.entry(${JSON.stringify(key)}, ${javaValue(item)})`,
  );
  return `Map.ofEntries(${entries.join(", ")})`;
}

function rust(draft: CallDraft, { url, hasKey }: Target): string {
  const calls = [
    ...(draft.sessionId ? [`session(${rustString(draft.sessionId)})`] : []),
    ...(draft.text ? [`text(${rustString(draft.text)})`] : []),
    ...(draft.input === undefined ? [] : [`input(serde_json::json!(${rustJson(draft.input)}))`]),
    ...(draft.resume === undefined ? [] : [`resume(serde_json::json!(${rustJson(draft.resume)}))`]),
    ...Object.entries(draft.configurable ?? {}).map(
      ([key, value]) => `configurable(${rustString(key)}, serde_json::json!(${rustJson(value)}))`,
    ),
  ].map((call) => `\n        .${call}`);
  const connect = hasKey
    ? `Client::builder(${rustString(url)})
        .api_key(std::env::var("AGENTLANE_API_KEY").unwrap_or_default())
        .connect()?`
    : `Client::connect(${rustString(url)})?`;
  return `use agentlane::{Client, Turn};

#[tokio::main]
async fn main() -> agentlane::Result<()> {
    let client = ${connect};
    let turn = Turn::new(${rustString(draft.agentId)})${calls.join("")};
    let mut stream = client.stream(turn);
    while let Some(event) = stream.next().await {
        print!("{}", event?.text());
    }
    client.close().await;
    Ok(())
}
`;
}

/** With as many # as its text needs. */
function rustString(text: string): string {
  if (!/["\\\n]/.test(text)) return `"${text}"`;
  let hashes = "#";
  while (text.includes(`"${hashes}`)) hashes += "#";
  return `r${hashes}"${text}"${hashes}`;
}

function rustJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(rustJson).join(", ")}]`;
  if (typeof value === "string") return rustString(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).map(
    ([key, item]) => `${rustString(key)}: ${rustJson(item)}`,
  );
  return `{${entries.join(", ")}}`;
}
