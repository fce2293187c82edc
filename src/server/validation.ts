/** The contract's annotations (buf.validate), enforced on every request. */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import { AgentlaneError } from "../errors.ts";

/** Throws `invalid_argument` with one field violation per broken rule. */
export type Validate = (schema: DescMessage, message: Message) => void;

export function createValidation(): Validate {
  const validator = createValidator();
  return (schema, message) => {
    const result = validator.validate(schema, message);
    if (result.kind === "valid") return;
    // A rule that cannot be compiled or run is a fault of the contract, not of the client.
    if (result.kind === "error") throw result.error;
    const fieldViolations = result.violations.map((violation) => ({
      field: pathToString(violation.field),
      description: violation.message || violation.ruleId,
    }));
    const text = fieldViolations.map(({ field, description }) => `${field}: ${description}`);
    throw new AgentlaneError("invalid_argument", "INVALID_FIELD", text.join("; "), {
      fieldViolations,
    });
  };
}
