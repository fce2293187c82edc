/** API keys in a file, hashed: for a first key, and for installations whose store does not last. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { create, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { z } from "zod";
import { type ApiKeyRecord, ApiKeyRecordSchema } from "../../gen/agentlane/store/v1/record_pb.js";
import { invalidField } from "../errors.ts";
import { problemsOf } from "./principal-fields.ts";

const MAX_KEYS = 1000;

const fileSchema = z.strictObject({ keys: z.array(z.json()).max(MAX_KEYS) });

/** By id. Throws `invalid_argument` that names API_KEYS_FILE. */
export async function readKeysFile(path: string): Promise<ReadonlyMap<string, ApiKeyRecord>> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw unusable(path, reasonOf(error));
  });
  return parseKeys(path, text);
}

/** Adds a key; makes the file, for its owner only, when there is none. */
export async function addToKeysFile(path: string, record: ApiKeyRecord): Promise<void> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return '{"keys":[]}';
    throw unusable(path, reasonOf(error));
  });
  const keys = [...parseKeys(path, text).values(), record].map((each) =>
    toJson(ApiKeyRecordSchema, each),
  );
  // In one step, so that a process that starts meanwhile reads the old file or the new one.
  const next = `${path}.new`;
  await writeFile(next, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600 });
  await rename(next, path);
}

function parseKeys(path: string, text: string): Map<string, ApiKeyRecord> {
  const { data, error } = fileSchema.safeParse(parseJson(path, text));
  if (error) throw unusable(path, problemsOf(error));
  const records = data.keys.map((json, index) => readRecord(path, index, json));
  return new Map(records.map((record) => [record.key?.keyId ?? "", record]));
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unusable(path, reasonOf(error));
  }
}

function readRecord(path: string, index: number, json: JsonValue): ApiKeyRecord {
  let record = create(ApiKeyRecordSchema);
  try {
    record = fromJson(ApiKeyRecordSchema, json);
  } catch (error) {
    throw unusable(path, `keys[${index}]: ${reasonOf(error)}`);
  }
  const isWhole = record.key && record.key.keyId !== "" && record.key.tenant !== "";
  if (isWhole && record.secretHash.length === 32) return record;
  throw unusable(path, `keys[${index}] has no keyId, no tenant or no secretHash of 32 bytes`);
}

function unusable(path: string, reason: string): Error {
  return invalidField("API_KEYS_FILE", `${path} cannot be used: ${reason}`);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
