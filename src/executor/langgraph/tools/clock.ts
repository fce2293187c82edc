/** Builtin tool `clock`: the current date and time. */
import "../environment.ts";
import { type StructuredToolInterface, tool } from "@langchain/core/tools";
import { z } from "zod";
import type { Clock } from "../../../clock.ts";

export function clockTool(clock: Clock): StructuredToolInterface {
  return tool(
    ({ timeZone }: { timeZone?: string | undefined }) => {
      const now = new Date(clock.now());
      if (!timeZone) return now.toISOString();
      try {
        return `${now.toLocaleString("en-GB", { timeZone, dateStyle: "full", timeStyle: "long" })}`;
      } catch (error) {
        if (error instanceof RangeError) return `error: unknown time zone ${timeZone}`;
        throw error;
      }
    },
    {
      name: "clock",
      description: "Tells the current date and time, in UTC or in a time zone",
      schema: z.object({
        timeZone: z.string().max(64).optional().describe("IANA time zone, e.g. Europe/Vienna"),
      }),
    },
  );
}
