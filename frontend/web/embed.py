"""Writes files into a C++ source that defines web_files() and web_files_version() of web_files.h.

usage: embed.py OUT FILE…
"""

import hashlib
import pathlib
import sys

BYTES_A_LINE = 24


def array(number, content):
    """The bytes as a constant; char is signed where we build, so bytes above 127 are negative."""
    numbers = [str(byte - 256 if byte > 127 else byte) for byte in content]
    lines = [",".join(numbers[at:at + BYTES_A_LINE]) for at in range(0, len(numbers), BYTES_A_LINE)]
    return f"constexpr char kFile{number}[] = {{\n" + ",\n".join(lines) + "};\n"


def source(files):
    digest = hashlib.sha256()
    arrays, rows = [], []
    for number, path in enumerate(files):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
        arrays.append(array(number, content))
        rows.append(f'    {{"{path.name}", {{kFile{number}, sizeof(kFile{number})}}}},')
    return "\n".join([
        '#include "frontend/web_files.h"', "", "namespace sluice::frontend {", "namespace {", "",
        *arrays, "constexpr WebFile kFiles[] = {", *rows, "};", "", "}  // namespace", "",
        "std::span<const WebFile> web_files() { return kFiles; }",
        f'std::string_view web_files_version() {{ return "{digest.hexdigest()[:16]}"; }}', "",
        "}  // namespace sluice::frontend", ""])


def main():
    out, *files = map(pathlib.Path, sys.argv[1:])
    out.write_text(source(files), encoding="ascii")


if __name__ == "__main__":
    main()
