/**
 * grpc.reflection, v1 and v1alpha (they differ in name only), from the generated descriptors.
 * https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 */
import { create, type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import {
  ServerReflectionResponseSchema as ResponseV1,
  type ServerReflectionRequest,
  type ServerReflection as ServerReflectionV1,
} from "../../gen/grpc/reflection/v1/reflection_pb.js";
import {
  ServerReflectionResponseSchema as ResponseV1Alpha,
  type ServerReflection as ServerReflectionV1Alpha,
} from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import type { Implementation } from "./rpc.ts";

/** The part of the answer that both versions share. */
type Answer =
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | {
      case: "allExtensionNumbersResponse";
      value: { baseTypeName: string; extensionNumber: number[] };
    }
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

/** What a request asks; structurally the same in both versions. */
type Question =
  | Extract<ServerReflectionRequest["messageRequest"], { case: string }>
  | { case: "fileContainingExtension"; value: { containingType: string; extensionNumber: number } }
  | { case: undefined };

export interface Reflected {
  readonly services: readonly DescService[];
  /** Types that no service names, e.g. those of error details. */
  readonly files: readonly DescFile[];
}

export function reflectionV1(reflected: Reflected): Implementation<typeof ServerReflectionV1> {
  const index = createIndex(reflected);
  return {
    async *serverReflectionInfo(requests) {
      const sent = new Set<DescFile>();
      for await (const request of requests) {
        const messageResponse = answer(index, request.messageRequest, sent);
        const reply = { validHost: request.host, originalRequest: request, messageResponse };
        yield create(ResponseV1, reply);
      }
    },
  };
}

export function reflectionV1Alpha(
  reflected: Reflected,
): Implementation<typeof ServerReflectionV1Alpha> {
  const index = createIndex(reflected);
  return {
    async *serverReflectionInfo(requests) {
      const sent = new Set<DescFile>();
      for await (const request of requests) {
        const messageResponse = answer(index, request.messageRequest, sent);
        const reply = { validHost: request.host, originalRequest: request, messageResponse };
        yield create(ResponseV1Alpha, reply);
      }
    },
  };
}

interface Index {
  readonly serviceNames: readonly string[];
  readonly fileByName: ReadonlyMap<string, DescFile>;
  readonly fileBySymbol: ReadonlyMap<string, DescFile>;
  /** Extended type → number → where the extension is. */
  readonly extensions: ReadonlyMap<string, ReadonlyMap<number, DescFile>>;
}

function createIndex({ services, files }: Reflected): Index {
  const fileByName = new Map<string, DescFile>();
  const addFile = (file: DescFile): void => {
    if (fileByName.has(file.proto.name)) return;
    fileByName.set(file.proto.name, file);
    file.dependencies.forEach(addFile);
  };
  for (const { file } of services) addFile(file);
  files.forEach(addFile);

  const fileBySymbol = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();
  for (const file of fileByName.values()) {
    for (const type of nestedTypes(file)) {
      fileBySymbol.set(type.typeName, file);
      if (type.kind === "service") {
        for (const { name } of type.methods) fileBySymbol.set(`${type.typeName}.${name}`, file);
      } else if (type.kind === "message") {
        for (const { name } of type.fields) fileBySymbol.set(`${type.typeName}.${name}`, file);
      } else if (type.kind === "extension") {
        const numbers = extensions.get(type.extendee.typeName) ?? new Map<number, DescFile>();
        extensions.set(type.extendee.typeName, numbers.set(type.number, file));
      }
    }
  }
  const serviceNames = services.map(({ typeName }) => typeName).sort();
  return { serviceNames, fileByName, fileBySymbol, extensions };
}

function answer(index: Index, question: Question, sent: Set<DescFile>): Answer {
  switch (question.case) {
    case "listServices": {
      const service = index.serviceNames.map((name) => ({ name }));
      return { case: "listServicesResponse", value: { service } };
    }
    case "fileByFilename":
      return fileAnswer(index.fileByName.get(question.value), question.value, sent);
    case "fileContainingSymbol":
      return fileAnswer(index.fileBySymbol.get(question.value), question.value, sent);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = question.value;
      const file = index.extensions.get(containingType)?.get(extensionNumber);
      return fileAnswer(file, `${containingType} extension ${extensionNumber}`, sent);
    }
    case "allExtensionNumbersOfType": {
      const baseTypeName = question.value;
      const numbers = index.extensions.get(baseTypeName);
      if (!numbers && !index.fileBySymbol.has(baseTypeName)) return notFound(baseTypeName);
      const extensionNumber = [...(numbers?.keys() ?? [])].sort((a, b) => a - b);
      return { case: "allExtensionNumbersResponse", value: { baseTypeName, extensionNumber } };
    }
    default: {
      const errorMessage = "message_request is required";
      return { case: "errorResponse", value: { errorCode: Code.InvalidArgument, errorMessage } };
    }
  }
}

/** A file with what it needs, without what this stream has sent already. */
function fileAnswer(file: DescFile | undefined, wanted: string, sent: Set<DescFile>): Answer {
  if (!file) return notFound(wanted);
  const fileDescriptorProto: Uint8Array[] = [];
  const add = (next: DescFile): void => {
    if (sent.has(next)) return;
    sent.add(next);
    fileDescriptorProto.push(toBinary(FileDescriptorProtoSchema, next.proto));
    next.dependencies.forEach(add);
  };
  // The one asked for is always in the answer.
  sent.delete(file);
  add(file);
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function notFound(wanted: string): Answer {
  const errorMessage = `"${wanted}" is not known here`;
  return { case: "errorResponse", value: { errorCode: Code.NotFound, errorMessage } };
}
