/** Variables of what this program connects to by itself. */
import { z } from "zod";
import { maybe } from "./config-fields.ts";

const HOST = /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

export const outbound = {
  OUTBOUND_ALLOW: maybe(
    z
      .string()
      .transform((text) => text.split(",").map((entry) => entry.trim()))
      .pipe(
        z
          .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6(), z.string().regex(HOST)]))
          .min(1),
      ),
    {
      expects: "hosts, IP addresses and networks like 10.0.0.0/8, separated by commas",
      example: "mcp.example.com,10.1.0.0/16",
      meaning:
        "What MCP servers may be at although it is not public. Addresses, localhost and names like mcp or mcp.local need no entry where the agents file names them; the metadata services of clouds always do.",
    },
  ),
};
