/** Content blocks of LangChain and its providers, and the parts they stand for. */
import { fromJson, type MessageInitShape } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { ContentPartSchema, File, Image } from "../../../gen/agentlane/v1/content_pb.js";
import { isRecord, toJson } from "./json.ts";

type PartInit = MessageInitShape<typeof ContentPartSchema>;
type Block = { type: string; [key: string]: unknown };

const DATA_URL = /^data:([^;,]*);base64,(.*)$/s;

/** OpenAI's form, which LangChain's other providers translate. */
export function imageBlock(image: Image): Block {
  const url =
    image.source.case === "data"
      ? `data:${image.mediaType};base64,${Buffer.from(image.source.value).toString("base64")}`
      : (image.source.value ?? "");
  return {
    type: "image_url",
    image_url: { url, ...(image.detail ? { detail: image.detail } : {}) },
  };
}

/** LangChain's provider-neutral data block. */
export function fileBlock(file: File): Block {
  const common = {
    type: "file",
    ...(file.mediaType ? { mime_type: file.mediaType } : {}),
    ...(file.name ? { metadata: { filename: file.name, name: file.name } } : {}),
  };
  switch (file.source.case) {
    case "data":
      return {
        ...common,
        source_type: "base64",
        data: Buffer.from(file.source.value).toString("base64"),
      };
    case "fileId":
      return { ...common, source_type: "id", id: file.source.value };
    default:
      return { ...common, source_type: "url", url: file.source.value ?? "" };
  }
}

/** Undefined for blocks that say nothing of their own (tool calls have their own field). */
export function partFromBlock(block: Record<string, unknown>): PartInit | undefined {
  switch (block.type) {
    case "text":
    case "output_text":
    case "text_delta":
    case "refusal":
      return text(block.text ?? block.refusal);
    case "reasoning":
    case "thinking":
      return reasoning(block);
    case "image_url":
    case "image":
      return image(block);
    case "file":
      return file(block);
    case "tool_use":
    case "tool_call":
    case "tool_call_chunk":
    case "function_call":
    case "functionCall":
    case "input_json_delta":
      return undefined;
    default:
      return { part: { case: "json", value: fromJson(ValueSchema, toJson(block) ?? null) } };
  }
}

function text(value: unknown): PartInit | undefined {
  return typeof value === "string" && value ? { part: { case: "text", value } } : undefined;
}

/** The reasoning a block shows, in the words of any provider; empty = none. */
export function reasoningText(block: Record<string, unknown>): string {
  if (typeof block.reasoning === "string") return block.reasoning;
  if (typeof block.thinking === "string") return block.thinking;
  if (!Array.isArray(block.summary)) return "";
  return block.summary
    .map((item: unknown) => (isRecord(item) && typeof item.text === "string" ? item.text : ""))
    .join("");
}

function reasoning(block: Record<string, unknown>): PartInit | undefined {
  const value = reasoningText(block);
  return value ? { part: { case: "reasoning", value } } : undefined;
}

function image(block: Record<string, unknown>): PartInit | undefined {
  const inner = isRecord(block.image_url) ? block.image_url : { url: block.image_url ?? block.url };
  const detail = typeof inner.detail === "string" ? inner.detail : "";
  const mediaType = mediaTypeOf(block);
  if (typeof block.data === "string") {
    const value = Buffer.from(block.data, "base64");
    return {
      part: { case: "image", value: { source: { case: "data", value }, mediaType, detail } },
    };
  }
  if (typeof inner.url !== "string") return undefined;
  const inline = DATA_URL.exec(inner.url);
  if (!inline) {
    const source = { case: "url" as const, value: inner.url };
    return { part: { case: "image", value: { source, mediaType, detail } } };
  }
  const source = { case: "data" as const, value: Buffer.from(inline[2] ?? "", "base64") };
  return { part: { case: "image", value: { source, mediaType: inline[1] ?? mediaType, detail } } };
}

function file(block: Record<string, unknown>): PartInit | undefined {
  const metadata = isRecord(block.metadata) ? block.metadata : {};
  const name = typeof metadata.filename === "string" ? metadata.filename : "";
  const mediaType = mediaTypeOf(block);
  const id = block.id ?? block.fileId ?? block.file_id;
  if (typeof block.data === "string") {
    const source = { case: "data" as const, value: Buffer.from(block.data, "base64") };
    return { part: { case: "file", value: { source, mediaType, name } } };
  }
  if (typeof block.url === "string") {
    const source = { case: "url" as const, value: block.url };
    return { part: { case: "file", value: { source, mediaType, name } } };
  }
  if (typeof id !== "string") return undefined;
  return {
    part: { case: "file", value: { source: { case: "fileId", value: id }, mediaType, name } },
  };
}

function mediaTypeOf(block: Record<string, unknown>): string {
  const type = block.mime_type ?? block.mimeType;
  return typeof type === "string" ? type : "";
}
