"""Whether this Python has exactly what requirements-dev.txt says; generated code depends on it."""

import sys
from importlib import metadata
from pathlib import Path


def main() -> None:
    wanted = Path(__file__).parent.parent / "requirements-dev.txt"
    for line in wanted.read_text(encoding="utf-8").splitlines():
        requirement, _, marker = line.partition(";")
        name, pinned, version = requirement.strip().partition("==")
        if not pinned or name.startswith("#") or marker:
            continue
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            sys.exit(f"{name} is missing, {version} is wanted")
        if found != version:
            sys.exit(f"{name} is {found}, {version} is wanted")


main()
