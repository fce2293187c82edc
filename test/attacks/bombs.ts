/** Small requests that would become large: compressed, deep, wide. One a protocol. */

import type { OutgoingHttpHeaders } from "node:http2";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { closeSession, EXECUTE, enveloped, openSession, STREAM_EXECUTE } from "../server/raw.ts";
import { type Attack, repeat, require } from "./attack.ts";

const MIB = 1024 * 1024;
/** Inflated, a bomb is this large. */
const BOMB_BYTES = 256 * MIB;
const CHAT = "/v1/chat/completions";

interface Form {
  readonly name: string;
  readonly path: string;
  readonly type: string;
  readonly encodingHeader: string;
  readonly enveloped: boolean;
}

const FORMS: readonly Form[] = [
  {
    name: "gRPC",
    path: EXECUTE,
    type: "application/grpc",
    encodingHeader: "grpc-encoding",
    enveloped: true,
  },
  {
    name: "gRPC-web",
    path: EXECUTE,
    type: "application/grpc-web+proto",
    encodingHeader: "grpc-encoding",
    enveloped: true,
  },
  {
    name: "Connect stream",
    path: STREAM_EXECUTE,
    type: "application/connect+proto",
    encodingHeader: "connect-content-encoding",
    enveloped: true,
  },
  {
    name: "Connect unary",
    path: EXECUTE,
    type: "application/proto",
    encodingHeader: "content-encoding",
    enveloped: false,
  },
  {
    name: "HTTP JSON",
    path: EXECUTE,
    type: "application/json",
    encodingHeader: "content-encoding",
    enveloped: false,
  },
  {
    name: "OpenAI",
    path: CHAT,
    type: "application/json",
    encodingHeader: "content-encoding",
    enveloped: false,
  },
];
const JSON_FORMS: readonly Form[] = [
  {
    name: "gRPC JSON",
    path: EXECUTE,
    type: "application/grpc+json",
    encodingHeader: "grpc-encoding",
    enveloped: true,
  },
  {
    name: "Connect stream JSON",
    path: STREAM_EXECUTE,
    type: "application/connect+json",
    encodingHeader: "connect-content-encoding",
    enveloped: true,
  },
  ...FORMS.slice(4),
];

function post(
  form: Form,
  body: () => Buffer,
  headers: OutgoingHttpHeaders,
  flags: number,
): Attack["run"] {
  return async ({ port }, signal) => {
    const bytes = form.enveloped ? enveloped(body(), flags) : body();
    const session = await openSession(port);
    const count = await repeat(signal, 20, async () => {
      const stream = session.request({
        ":method": "POST",
        ":path": form.path,
        "content-type": form.type,
        ...(form.name === "gRPC" ? { te: "trailers" } : {}),
        ...headers,
      });
      let status = "";
      stream.on("response", (head) => {
        status = `${head[":status"]}/${head["grpc-status"] ?? ""}`;
      });
      stream.on("trailers", (trailers) => {
        status = `${status}${trailers["grpc-status"] ?? ""}`;
      });
      let reply = "";
      stream.on("data", (chunk: Buffer) => {
        reply = (reply + chunk.toString("latin1")).slice(-2000);
      });
      stream.on("error", () => undefined);
      const closed = new Promise((resolve) => stream.once("close", resolve));
      stream.end(bytes);
      await closed;
      // A gRPC status other than 0, an HTTP status of 4xx, or an error at the end of a stream.
      const isRefused =
        /^4\d\d|^200\/[1-9]/.test(status) ||
        /"code":"|grpc-status: ?[1-9]/.test(reply) ||
        // Cut off in the middle of its body.
        (status === "" && (stream.rstCode ?? 0) !== 0);
      require(isRefused, `${form.name} took it: ${status} ${reply.slice(0, 200)}`);
    });
    await closeSession(session);
    return `${count} × ${Math.ceil(bytes.length / 1024)} KiB`;
  };
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const gzipBomb = once(() => gzipSync(Buffer.alloc(BOMB_BYTES, " "), { level: 9 }));
const brotliBomb = once(() =>
  brotliCompressSync(Buffer.alloc(BOMB_BYTES, " "), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 4 },
  }),
);
const full = (head: string, item: string, tail = ""): (() => Buffer) =>
  once(() => Buffer.from(head + item.repeat(Math.floor((4 * MIB - 200) / item.length)) + tail));
const deep = full("", "[");
const objects = full('{"input":', '{"a":');
const wide = full('{"agent_id":"echo","model":"echo","messages":[],"input":[0', ",0", "]}");
const lists = full('{"agent_id":"echo","model":"echo","messages":[{}', ",{}", "]}");
/** A list value of two million values that say nothing. */
const emptyValues = once(() => {
  const values = Buffer.alloc(4 * MIB - 200);
  for (let at = 0; at < values.length; at += 2) values[at] = 0x0a;
  return Buffer.concat([tagged(5, Buffer.concat([tagged(6, values)]))]);
});

function tagged(number: number, content: Buffer): Buffer {
  const length: number[] = [];
  let left = content.length;
  for (; left >= 128; left >>>= 7) length.push((left & 127) | 128);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, left]), content]);
}

function attack(name: string, form: Form, body: () => Buffer, headers = {}, flags = 0): Attack {
  return {
    name: `${name}, ${form.name}`,
    connectionCount: 1,
    isVariant: !["gRPC", "gRPC JSON", "HTTP JSON", "OpenAI"].includes(form.name),
    prepare: body,
    run: post(form, body, headers, flags),
  };
}

export const BOMBS: readonly Attack[] = [
  ...FORMS.map((form) => attack("gzip bomb", form, gzipBomb, { [form.encodingHeader]: "gzip" }, 1)),
  ...FORMS.slice(0, 1).map((form) =>
    attack("brotli bomb", form, brotliBomb, { [form.encodingHeader]: "br" }, 1),
  ),
  ...JSON_FORMS.map((form) => attack("deep lists", form, deep)),
  ...JSON_FORMS.slice(2).map((form) => attack("deep objects", form, objects)),
  ...JSON_FORMS.map((form) => attack("a list of 2 M numbers", form, wide)),
  ...JSON_FORMS.slice(2).map((form) => attack("1.4 M empty messages", form, lists)),
  ...FORMS.slice(0, 4).map((form) => attack("2 M empty values", form, emptyValues)),
];
