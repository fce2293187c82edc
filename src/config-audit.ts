/** Variables of the audit log. */
import { z } from "zod";
import { choice, maybe } from "./config-fields.ts";

export const audit = {
  AUDIT_LOG: maybe(z.string().min(1), {
    expects: "the path of a file, - for standard output, or off",
    example: "/var/log/agentlane/audit.log",
    meaning:
      "Where it is written who did what, a JSON line each (docs/audit.md): a file, - = standard output, off. Default: standard output where callers are authenticated, else off.",
  }),
  AUDIT_LOG_FAILURE: choice(
    ["report", "refuse"],
    "report",
    "While that cannot be written: report = calls go on, the log says so; refuse = audited calls are refused with UNAVAILABLE.",
  ),
};
