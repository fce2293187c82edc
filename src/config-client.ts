/** Variables of the commands that call a server. */
import { z } from "zod";
import { file, maybe, preset, seconds, url } from "./config-fields.ts";

export const client = {
  AGENTLANE_URL: preset(url(/^https?$/), "http://localhost:50051", {
    expects: "an http:// or https:// URL",
    meaning: "The server that commands like `agentlane status` call.",
    secret: "password",
  }),
  AGENTLANE_API_KEY: maybe(z.string().regex(/^[\x21-\x7e]+$/), {
    expects: "an API key, without spaces",
    example: "al_…",
    meaning: "Their key, sent as `authorization: Bearer …`.",
    secret: "value",
  }),
  AGENTLANE_CA: file(
    "PEM bundle of the authorities that they trust; default: Node's.",
    "/etc/tls/ca.crt",
  ),
  AGENTLANE_CERT: file(
    "PEM of their client certificate, together with AGENTLANE_KEY.",
    "/etc/tls/operator.crt",
  ),
  AGENTLANE_KEY: file("PEM private key of AGENTLANE_CERT.", "/etc/tls/operator.key"),
  AGENTLANE_TIMEOUT: seconds("30", "Limit on such a command, in seconds; streams have none."),
  NO_COLOR: maybe(z.string(), {
    expects: "any text",
    example: "1",
    meaning: "Set = no colors on a terminal (https://no-color.org).",
  }),
};

export const clientEnvironment = z.object(client);
