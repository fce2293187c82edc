/** Variables of the web console. */
import { z } from "zod";
import { maybe } from "./config-fields.ts";

export const webConsole = {
  CONSOLE: maybe(
    z.enum(["true", "false", "1", "0"]).transform((text) => text === "true" || text === "1"),
    {
      expects: "true or false",
      example: "true",
      meaning:
        "Whether the web console is served at /console. Default: where HOST is loopback. Beyond loopback it needs authentication, as every call does.",
    },
  ),
};
