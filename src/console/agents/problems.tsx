/** What a validation found. */
import type { ValidateAgentResponse } from "../../../gen/agentlane/v1/operations_service_pb.js";

export function Problems({ found: { valid, problems } }: { found: ValidateAgentResponse }) {
  if (valid) {
    return (
      <p class="note tone-good" role="status">
        <strong>It is valid and can be used.</strong>
      </p>
    );
  }
  return (
    <div class="note tone-bad" role="status">
      <p>
        <strong>{problems.length === 1 ? "One problem" : `${problems.length} problems`}</strong>
      </p>
      <ul>
        {problems.map(({ field, message }) => (
          <li key={`${field} ${message}`}>
            {field && (
              <>
                <code>{field}</code>:{" "}
              </>
            )}
            {message}
          </li>
        ))}
      </ul>
    </div>
  );
}
