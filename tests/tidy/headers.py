"""Every header of the product compiles alone: a reader can open it without knowing what else to include.

usage: headers.py ROOT BUILD. A header that a .cc includes first is proven by that file's compilation.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

FOLDERS = ("shared", "broker", "frontend", "worker")
KEPT = re.compile(r"^(?:-I|-isystem|-D|-std=|-W|-Xclang|-m)")


def flags_of(build):
    """Include paths, definitions and warnings of the whole project, without a file's own."""
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        words = iter(shlex.split(entry["command"]))
        if not entry["file"].endswith(".cc"):
            continue
        for word in words:
            if word == "-isystem":
                word += next(words)
            if KEPT.match(word):
                flags[word] = None
    return list(flags)


def proven(root):
    """Headers that some .cc includes as its first line of code."""
    headers = set()
    for folder in FOLDERS + ("tests",):
        for source in (root / folder).rglob("*.cc"):
            first = re.search(r"^#include (\S+)", source.read_text(encoding="utf-8"), re.M)
            if first and first[1].startswith('"'):
                headers.add(first[1].strip('"'))
    return headers


def compile_alone(root, build, flags, header):
    command = ["clang++-19", "-fsyntax-only", "-x", "c++", *flags, "-I", str(root),
               "-Wno-pragma-once-outside-header", "-Wno-unused-macros", str(root / header)]
    done = subprocess.run(command, cwd=build, capture_output=True, text=True, check=False)
    return header, done.returncode, done.stderr


def main():
    root, build = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    flags, skipped = flags_of(build), proven(root)
    headers = [path.relative_to(root).as_posix() for folder in FOLDERS
               for path in sorted((root / folder).rglob("*.h"))]
    left = [header for header in headers if header not in skipped]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, status, errors in pool.map(
                lambda header: compile_alone(root, build, flags, header), left):
            if status:
                failed += 1
                print(f"{header} does not compile alone:\n{errors}")
    print(f"{len(headers)} headers, {len(headers) - len(left)} proven by their own .cc")
    print(f"{len(left) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
