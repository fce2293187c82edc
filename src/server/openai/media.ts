/** Pictures and files of a message. Nothing is fetched: what is no data is handed on as it is. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ContentPartSchema } from "../../../gen/agentlane/v1/content_pb.js";
import { type Field, isAbsent, member, optionalText, refused, text } from "./fields.ts";

type PartInit = MessageInitShape<typeof ContentPartSchema>;

/** Those of the contract. */
const MAX_URL_CHARS = 8192;
const MAX_MEDIA_TYPE_CHARS = 128;
const MAX_NAME_CHARS = 256;
const MAX_DETAIL_CHARS = 16;

const DATA_URL = /^data:([^;,]{1,128}(?:;[^;,]{1,128}){0,4}?);base64,/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

interface Data {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

export function imagePart(image: Field): PartInit {
  const url = member(image, "url");
  const detail = optionalText(member(image, "detail"), MAX_DETAIL_CHARS) ?? "";
  const data = dataOf(url);
  if (data) {
    const source = { case: "data" as const, value: data.bytes };
    return { part: { case: "image", value: { source, mediaType: data.mediaType, detail } } };
  }
  if (!/^https:\/\//i.test(text(url))) throw refused(url, "must be an https or a data URL");
  if (text(url).length > MAX_URL_CHARS) {
    throw refused(url, `is longer than ${MAX_URL_CHARS} characters`);
  }
  const source = { case: "url" as const, value: text(url) };
  return { part: { case: "image", value: { source, detail } } };
}

export function filePart(file: Field): PartInit {
  const name = optionalText(member(file, "filename"), MAX_NAME_CHARS) ?? "";
  const fileId = member(file, "file_id");
  if (!isAbsent(fileId)) {
    const value = optionalText(fileId, MAX_NAME_CHARS);
    if (!value) throw refused(fileId, "is empty");
    return { part: { case: "file", value: { source: { case: "fileId", value }, name } } };
  }
  const given = member(file, "file_data");
  const data = dataOf(given);
  if (!data) throw refused(given, "must be a data URL: data:application/pdf;base64,…");
  const source = { case: "data" as const, value: data.bytes };
  return { part: { case: "file", value: { source, mediaType: data.mediaType, name } } };
}

/** Undefined for what is no data URL. */
function dataOf(field: Field): Data | undefined {
  const url = text(field);
  if (!/^data:/i.test(url)) return undefined;
  const head = DATA_URL.exec(url.slice(0, MAX_URL_CHARS));
  const encoded = head ? url.slice(head[0].length) : "";
  if (!head || encoded === "" || !BASE64.test(encoded)) {
    throw refused(field, "is no base64 data URL with a media type: data:image/png;base64,…");
  }
  const mediaType = head[1] ?? "";
  if (mediaType.length > MAX_MEDIA_TYPE_CHARS) throw refused(field, "has too long a media type");
  return { bytes: Buffer.from(encoded, "base64"), mediaType };
}
