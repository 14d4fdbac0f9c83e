"""The house rules as a test: layers, banned calls, lengths, dead files, documents that point nowhere.

usage: tidy.py ROOT     prints one line per violation, exits 1 if there is any.
Rules are tables below; tidy_test.py plants one violation of each and expects it to be found.
"""

import glob
import itertools
import pathlib
import re
import sys

PROGRAMS = ("broker", "frontend", "worker")
SOURCE_FOLDERS = ("shared",) + PROGRAMS + ("tests",)

# Each layer of shared/ uses only those before it (and itself).
LAYERS = ("base", "crypto", "config", "log", "metrics", "async", "net", "http", "wire", "client",
          "ledger", "snapshots", "orders")

# What else broker/ctl may include of the broker: reading stored data without one that runs.
OFFLINE = r"broker/log/(?:rocks_store(?:_backups|_files)?|verify|backup|finding)\.h"

# A library's names -> the only files of the product that may see them.
LIBRARIES = (
    ("libuv", r'#include <uv\.h>|\buv_\w+', r"shared/net/"),
    ("llhttp", r'#include <llhttp|\bllhttp_\w+', r"shared/http/parser"),
    ("librdkafka", r'#include <librdkafka|\brd_kafka_\w+|\bRdKafka::', r"shared/client/"),
    ("RocksDB", r'#include <rocksdb/|\brocksdb::', r"broker/log/rocks_store"),
    ("SOCI", r'#include <soci|\bsoci::', r"worker/order_store|shared/orders/"),
    ("libcurl", r'#include <curl/|\bcurl_\w+\(|\bCURL\w*', r"worker/webhook_client"),
    ("yaml-cpp", r'#include <yaml-cpp|\bYAML::', r"shared/config/"),
)

# (pattern, what to use instead, files that may)
BANNED = (
    (r"(?<!static_)\bassert\(", "CHECK of shared/base/check.h, which stays on in release", None),
    (r"\b(?:s?rand\(|std::random_device|std::mt19937)", "Random of shared/base/random.h",
     r"shared/base/random\.h"),
    (r"std::chrono::\w+::now\b|\bgettimeofday\(|\bclock_gettime\(", "Clock of shared/base/clock.h",
     r"shared/base/clock\.h|shared/orders/watched_thread\.cc"),
    (r"\buv_(?:now|hrtime)\(", "Clock of shared/base/clock.h", None),
    (r"this_thread::sleep_|\b(?:u|nano)?sleep\(", "a timer, or wait for the event itself", None),
    (r"\bcatch \(\.\.\.\)", "the exception type that the library documents", None),
    (r"\bthread\w*\.detach\(\)", "a joined thread", r"shared/orders/watched_thread\.cc"),
    (r"\bstd::(?:format|print|println)\b", "fmt::format (libstdc++ 12 has no <format>)", None),
    (r"\bv?sprintf\(|\bstr(?:cpy|cat)\(|\bato[ilf]\(", "fmt::format or std::from_chars", None),
    (r"\busing namespace std\b", "the name with std::", None),
    (r"(?<!= )\bdelete(?:\[\])?\s+[\w(*]", "std::unique_ptr", None),
)
NAKED_NEW = re.compile(r"\bnew\s+(?:\(|[A-Za-z_])")
WORK_MARKS = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")

MAX_LINE = 100
MAX_FUNCTION = 70
MAX_FUNCTION_IN_TESTS = 120
MAX_FILE = 800
MAX_FILE_IN_TESTS = 1200
MAX_HEADER = 200
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md", "docs/HACKING.md")


class Source:
    """One file: its text, and the same text with comments and literals blanked."""

    def __init__(self, root, path):
        self.path = path.relative_to(root).as_posix()
        self.text = path.read_text(encoding="utf-8")
        self.lines = self.text.split("\n")
        self.in_tests = self.path.startswith("tests/")
        self.is_header = self.path.endswith(".h")
        self.code = blank(self.text)

    def line_of(self, position):
        return self.text.count("\n", 0, position) + 1


LITERALS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\'',
    re.S)


def blank(text):
    """Comments, strings and characters become spaces; lines stay. Includes keep their path."""

    def spaces(match):
        line_start = text.rfind("\n", 0, match.start()) + 1
        if text.startswith("#include", line_start):
            return match.group(0)
        return re.sub(r"[^\n]", " ", match.group(0))

    return LITERALS.sub(spaces, text)


def layer_of(path):
    """What a file belongs to: 'shared/net', 'broker', 'broker/ctl', 'tests'."""
    parts = path.split("/")
    if parts[0] == "shared":
        return "/".join(parts[:2])
    if parts[:2] == ["broker", "ctl"]:
        return "broker/ctl"
    return parts[0]


def may_include(user, used):
    """Whether a file of layer `user` may include one of layer `used`."""
    if user == used or user == "tests":
        return True
    if not used.startswith("shared/"):
        return False
    if not user.startswith("shared/"):
        return True
    names = user.split("/")[1], used.split("/")[1]
    if any(name not in LAYERS for name in names):
        return False
    return LAYERS.index(names[1]) < LAYERS.index(names[0])


def check_includes(source, root):
    for number, line in enumerate(source.lines, 1):
        match = re.match(r'#include "([^"]+)"', line)
        if not match:
            continue
        used = match[1]
        if not (root / used).is_file():
            yield number, "include", f'"{used}" is no path from the repository root'
        elif layer_of(source.path) == "broker/ctl" and re.fullmatch(OFFLINE, used):
            continue
        elif not may_include(layer_of(source.path), layer_of(used)):
            yield number, "layer", f"{layer_of(source.path)} must not use {layer_of(used)}"


def check_libraries(source, _root):
    if source.in_tests:
        return
    for name, pattern, allowed in LIBRARIES:
        if re.match(allowed, source.path):
            continue
        for match in re.finditer(pattern, source.code):
            yield source.line_of(match.start()), "library", f"{name} belongs to {allowed}* alone"
            break


def check_banned(source, _root):
    for pattern, instead, allowed in BANNED:
        if allowed and re.match(allowed, source.path):
            continue
        for match in re.finditer(pattern, source.code):
            yield (source.line_of(match.start()), "banned",
                   f"'{match.group(0).strip()}': use {instead}")
    for match in NAKED_NEW.finditer(source.code):
        number = source.line_of(match.start())
        near = " ".join(source.lines[max(0, number - 2):number])
        if "_ptr" not in near:
            yield number, "banned", "naked 'new': use std::make_unique"


def check_words(source, _root):
    for number, line in enumerate(source.lines, 1):
        if WORK_MARKS.search(line):
            yield number, "mark", "finish it, or file it where it is seen"
        if len(line) > MAX_LINE:
            yield number, "line", f"{len(line)} characters, at most {MAX_LINE}"


def check_shape(source, _root):
    length = len(source.lines) - 1
    limit = MAX_FILE_IN_TESTS if source.in_tests else MAX_HEADER if source.is_header else MAX_FILE
    if length > limit:
        yield length, "file", f"{length} lines, at most {limit}: split it by noun"
    if source.is_header and not source.text.startswith("#pragma once\n"):
        yield 1, "pragma", "a header begins with #pragma once"


CONTROL = re.compile(r"^\s*(?:if|for|while|switch|catch|do|else|try|return|co_return)\b")
NOT_FUNCTION = re.compile(
    r"^\s*(?:template\s*<[^{}]*>\s*)?(?:inline\s+)?(?:class|struct|union|enum|namespace|extern)\b")
INITIALISER = re.compile(r"\)\s*(?:noexcept\s*)?:(?!:).*[\w>]$", re.S)
QUALIFIER = re.compile(r"\b(?:const|noexcept|override|final|mutable)\s*$")

# A switch that is only a table may be as long as its enum.
TABLE_ROW = re.compile(r"^\s*case [^;]*: return [^;]*;\s*$")


PREPROCESSOR = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*|^ (?:public|private|protected):", re.M)


def functions(code):
    """(start, end) of each outermost function, by matching braces."""
    code = PREPROCESSOR.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), code)
    head_start = start = depth = 0
    depth_in_function, in_initialiser = None, False
    for index in (m.start() for m in re.finditer(r"[{};]", code)):
        char = code[index]
        if char == ";" and depth_in_function is None:
            head_start = index + 1
        elif char == "{":
            depth += 1
            if depth_in_function is not None:
                continue
            # A member initialiser's braces are part of the constructor's head.
            head = re.sub(r"(?<=[\w>])\{[^{}]*\}", "()", code[head_start:index])
            in_initialiser = bool(INITIALISER.search(head)) and not QUALIFIER.search(head)
            if "(" in head and not in_initialiser and not NOT_FUNCTION.match(head) \
                    and not CONTROL.match(head):
                depth_in_function = depth
                start = head_start + len(head) - len(head.lstrip())
            elif not in_initialiser:
                head_start = index + 1
        elif char == "}":
            if depth_in_function == depth:
                yield start, index
                depth_in_function = None
                head_start = index + 1
            elif depth_in_function is None and not in_initialiser:
                head_start = index + 1
            in_initialiser = False
            depth -= 1


def check_functions(source, _root):
    limit = MAX_FUNCTION_IN_TESTS if source.in_tests else MAX_FUNCTION
    for start, end in functions(source.code):
        first, last = source.line_of(start), source.line_of(end)
        lines = source.lines[first - 1:last]
        length = sum(not TABLE_ROW.match(line) for line in lines)
        if length > limit:
            yield first, "function", f"{length} lines, at most {limit}"


SOURCE_CHECKS = (check_includes, check_libraries, check_banned, check_words, check_shape,
                 check_functions)


def check_dead_files(root, sources):
    """A .cc that no meson.build names, a header that nothing includes."""
    named, included = set(), set()
    for build in root.rglob("meson.build"):
        if build.relative_to(root).parts[0] == "build":
            continue
        text = build.read_text(encoding="utf-8")
        included.update(re.findall(r"[\w/]+\.h\b", text))  # by -include
        for name in re.findall(r"'([^'\n]+\.cc)'", text):
            path = root / name if (root / name).is_file() else build.parent / name
            named.add(path.resolve())
    for source in sources:
        included.update(re.findall(r'#include "([^"]+)"', source.text))
    for source in sources:
        if source.path.endswith(".cc") and (root / source.path).resolve() not in named:
            yield f"{source.path}:1: dead: no meson.build names this file"
        if source.is_header and source.path not in included:
            yield f"{source.path}:1: dead: nothing includes this header"


def expand(path):
    """'a/b.{h,cc}' -> 'a/b.h', 'a/b.cc'."""
    pieces = [piece.split(",") if index % 2 else [piece]
              for index, piece in enumerate(re.split(r"\{([^}]*)\}", path))]
    return ["".join(parts) for parts in itertools.product(*pieces)]


def check_documents(root):
    """Every repository path in backticks exists."""
    tops = "|".join(SOURCE_FOLDERS + ("docs", "conf"))
    pattern = re.compile(rf"`((?:{tops})/[\w./*{{}},-]*)`")
    for name in DOCUMENTS:
        document = root / name
        if not document.is_file():
            continue
        for number, line in enumerate(document.read_text(encoding="utf-8").split("\n"), 1):
            for path in itertools.chain.from_iterable(map(expand, pattern.findall(line))):
                if not glob.glob(str(root / path)):
                    yield f"{name}:{number}: document: `{path}` does not exist"


def check_python(root):
    """Tests wait for events, they do not sleep; the one poll is `eventually`."""
    for path in sorted((root / "tests").rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name.startswith("tests/tidy/") or "node_modules" in name:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if "time.sleep(" in line and name != "tests/integration/harness.py":
                yield f"{name}:{number}: banned: 'time.sleep(': use eventually() of the harness"
            if len(line) > MAX_LINE:
                yield f"{name}:{number}: line: {len(line)} characters, at most {MAX_LINE}"


def violations(root):
    """Every violation under `root`, as one line of text each."""
    sources = [Source(root, path) for folder in SOURCE_FOLDERS
               for suffix in ("*.h", "*.cc") for path in sorted((root / folder).rglob(suffix))]
    for source in sources:
        for check in SOURCE_CHECKS:
            for number, rule, message in check(source, root):
                yield f"{source.path}:{number}: {rule}: {message}"
    yield from check_dead_files(root, sources)
    yield from check_documents(root)
    yield from check_python(root)


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    found = list(violations(root))
    print("\n".join(found) if found else "the house is tidy")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
