"""Writes files into a C++ source that defines web_files() and web_files_version() of web_files.h.

usage: embed.py OUT FILE…
"""

import gzip
import hashlib
import pathlib
import sys

BYTES_A_LINE = 24
SERVED = (".css", ".js", ".svg")  # compressed here, once, and not for each request


def contents(paths):
    """(name, bytes) of all that goes in: of the page's texts also the module that scripts import."""
    for path in paths:
        content = path.read_bytes()
        yield path.name, content
        if path.suffix == ".json" and path.parent.name == "web":
            yield f"{path.stem}.js", b"export default " + content.rstrip() + b";\n"


def array(name, content):
    """The bytes as a constant; char is signed where we build, so bytes above 127 are negative."""
    numbers = [str(byte - 256 if byte > 127 else byte) for byte in content]
    lines = [",".join(numbers[at:at + BYTES_A_LINE]) for at in range(0, len(numbers), BYTES_A_LINE)]
    return f"constexpr char {name}[] = {{\n" + ",\n".join(lines) + "};\n"


def source(files):
    digest = hashlib.sha256()
    arrays, rows = [], []
    for number, (name, content) in enumerate(files):
        digest.update(f"{name} {len(content)}\n".encode() + content)
        arrays.append(array(f"kFile{number}", content))
        compressed = "{}"
        if name.endswith(SERVED):
            # Without a time in its head, so that the same files are the same program.
            arrays.append(array(f"kGzip{number}", gzip.compress(content, 9, mtime=0)))
            compressed = f"{{kGzip{number}, sizeof(kGzip{number})}}"
        rows.append(f'    {{"{name}", {{kFile{number}, sizeof(kFile{number})}}, {compressed}}},')
    return "\n".join([
        '#include "frontend/web_files.h"', "", "namespace sluice::frontend {", "namespace {", "",
        *arrays, "constexpr WebFile kFiles[] = {", *rows, "};", "", "}  // namespace", "",
        "std::span<const WebFile> web_files() { return kFiles; }",
        f'std::string_view web_files_version() {{ return "{digest.hexdigest()[:16]}"; }}', "",
        "}  // namespace sluice::frontend", ""])


def main():
    out, *files = map(pathlib.Path, sys.argv[1:])
    out.write_text(source(contents(files)), encoding="ascii")


if __name__ == "__main__":
    main()
