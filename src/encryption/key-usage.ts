/** Which key a message as it is stored needs. */
import type { ExecutionContext } from "../../gen/agentlane/v1/session_pb.js";
import { ENVELOPE, readEnvelope } from "./envelope.ts";
import { sealedIn } from "./sealed-field.ts";

/** Of what a module has encrypted: its keys are its own affair. */
const MODULE_KEY = "(module)";

/** Empty = it is not encrypted. */
export function keyIdIn(context: ExecutionContext): string {
  const sealed = sealedIn(context);
  if (!sealed) return "";
  return sealed[0] === ENVELOPE ? readEnvelope(sealed).keyId : MODULE_KEY;
}
