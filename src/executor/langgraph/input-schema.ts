/** JSON Schema of a graph's input beyond messages, as far as the graph tells. */
import type { JsonObject } from "@bufbuild/protobuf";
import { isRecord, property, toJsonObject } from "./json.ts";

/** What LangGraph calls the input of a graph: a StateSchema, a zod object, or channel names only. */
export function inputSchemaOf(
  pregel: unknown,
  stateKeys: readonly string[],
): JsonObject | undefined {
  const builder = property(pregel, "builder");
  const declared =
    schemaOf(property(builder, "_inputRuntimeDefinition")) ??
    schemaOf(property(builder, "_schemaRuntimeDefinition"));
  const inputKeys = property(builder, "_inputDefinition");
  const keys = isRecord(inputKeys)
    ? Object.keys(inputKeys).filter((key) => stateKeys.includes(key))
    : stateKeys.filter((key) => !key.startsWith("__"));
  const properties: JsonObject = {};
  const known = isRecord(declared?.properties) ? declared.properties : {};
  for (const key of new Set([...keys, ...Object.keys(known)])) {
    if (key !== "messages") properties[key] = toJsonObject(known[key] ?? {});
  }
  if (Object.keys(properties).length === 0) return undefined;
  const required = Array.isArray(declared?.required)
    ? declared.required.filter((key): key is string => typeof key === "string" && key in properties)
    : [];
  return { type: "object", properties, ...(required.length > 0 ? { required } : {}) };
}

/** StateSchema says it itself; zod and its like through Standard Schema's JSON Schema. */
function schemaOf(definition: unknown): Record<string, unknown> | undefined {
  if (!isRecord(definition)) return undefined;
  try {
    if (typeof definition.getInputJsonSchema === "function") {
      return toJsonObject(definition.getInputJsonSchema());
    }
    const standard = property(definition["~standard"], "jsonSchema");
    const input = property(standard, "input");
    if (typeof input === "function") return toJsonObject(input({ target: "draft-07" }));
  } catch {
    // A schema with parts that JSON Schema cannot express: the names of the channels must do.
  }
  return undefined;
}
