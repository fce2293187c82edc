"""
A plugin of protoc that is protoc: messages, their types and the clients by grpcio-tools, the types
of the clients by mypy-protobuf. Writes the modules of `agentlane.v1` into one folder.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc  # type: ignore[import-untyped]

PACKAGE = "agentlane/v1"


def main() -> None:
    request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    texts = {**by_protoc(request), **by_mypy_protobuf(request)}
    services = {stem_of(file) for file in request.proto_file if file.service}
    response = CodeGeneratorResponse()
    response.supported_features = CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
    response.file.add(name="__init__.py", content=package(request))
    for name, text in sorted(texts.items()):
        stem, is_client, _ = Path(name).name.partition("_pb2_grpc.")
        # Of a file without services they are empty.
        if not is_client or stem in services:
            response.file.add(name=str(Path(name).relative_to(PACKAGE)), content=text)
    sys.stdout.buffer.write(response.SerializeToString())


def by_protoc(request: CodeGeneratorRequest) -> "dict[str, str]":
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder, "descriptors.binpb")
        descriptors.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
        out = Path(folder, "out")
        out.mkdir()
        kinds = [f"--{kind}_out={out}" for kind in ("python", "pyi", "grpc_python")]
        files = list(request.file_to_generate)
        if protoc.main(["protoc", f"--descriptor_set_in={descriptors}", *kinds, *files]) != 0:
            sys.exit("protoc failed")
        return {
            str(path.relative_to(out)): path.read_text(encoding="utf-8")
            for path in out.rglob("*.py*")
        }


def by_mypy_protobuf(request: CodeGeneratorRequest) -> "dict[str, str]":
    quiet = CodeGeneratorRequest()
    quiet.CopyFrom(request)
    quiet.parameter = "quiet"
    answer = subprocess.run(
        [sys.executable, "-c", "from mypy_protobuf.main import grpc; grpc()"],
        input=quiet.SerializeToString(),
        stdout=subprocess.PIPE,
        check=True,
    )
    response = CodeGeneratorResponse.FromString(answer.stdout)
    if response.error:
        sys.exit(response.error)
    return {file.name: file.content for file in response.file}


def package(request: CodeGeneratorRequest) -> str:
    """All messages and enums, by the package's name."""
    lines = [
        '"""Messages and enums of the contract; see https://protobuf.dev/reference/python."""',
        "",
    ]
    wanted = set(request.file_to_generate)
    for file in sorted(request.proto_file, key=lambda file: file.name):
        if file.name not in wanted:
            continue
        names = [message.name for message in file.message_type]
        for enum in file.enum_type:
            names += [enum.name, *(value.name for value in enum.value)]
        for name in sorted(names):
            lines.append(f"from agentlane.v1.{stem_of(file)}_pb2 import {name} as {name}")
    return "\n".join(lines) + "\n"


def stem_of(file: FileDescriptorProto) -> str:
    return Path(file.name).stem


main()
