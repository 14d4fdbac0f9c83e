"""A rule that finds nothing is no rule: plants one violation of each and expects it to be named."""

import pathlib
import sys
import tempfile

import tally
import tidy

HEADER = "#pragma once\n"
LONG = "\n".join(f"  step({n});" for n in range(tidy.MAX_FUNCTION))

# (name, path, text, the rule that must be reported there)
PLANTED = (
    ("upward include", "shared/net/a.h", HEADER + '#include "shared/http/b.h"\n', "layer"),
    ("program includes program", "frontend/a.cc", '#include "worker/b.h"\n', "layer"),
    ("broker includes sluicectl", "broker/a.cc", '#include "broker/ctl/b.h"\n', "layer"),
    ("sluicectl includes the broker", "broker/ctl/a.cc", '#include "broker/b.h"\n', "layer"),
    ("unknown layer", "shared/util/a.h", HEADER + '#include "shared/base/b.h"\n', "layer"),
    ("relative include", "shared/net/a.cc", '#include "b.h"\n', "include"),
    ("libuv outside of net", "broker/a.cc", "void f() { uv_close(h); }\n", "library"),
    ("rocksdb in a handler", "broker/a.cc", "#include <rocksdb/db.h>\n", "library"),
    ("librdkafka in the worker", "worker/a.cc", "rd_kafka_t* k;\n", "library"),
    ("soci beside its store", "worker/main.cc", "soci::session s;\n", "library"),
    ("llhttp in the router", "shared/http/a.cc", "llhttp_t p;\n", "library"),
    ("libcurl in the worker", "worker/worker.cc", "CURL* c = curl_easy_init();\n", "library"),
    ("assert", "broker/a.cc", "void f() { assert(true); }\n", "banned"),
    ("rand", "broker/a.cc", "int f() { return rand(); }\n", "banned"),
    ("wall clock", "broker/a.cc", "auto t = std::chrono::system_clock::now();\n", "banned"),
    ("sleep", "tests/unit/a.cc", "void f() { std::this_thread::sleep_for(s); }\n", "banned"),
    ("naked new", "broker/a.cc", "auto* p = new Thing();\n", "banned"),
    ("delete", "broker/a.cc", "void f() { delete p; }\n", "banned"),
    ("catch all", "broker/a.cc", "void f() { try { g(); } catch (...) {} }\n", "banned"),
    ("work mark", "broker/a.cc", "// TO" "DO: later\n", "mark"),
    ("long line", "broker/a.cc", "// " + "x" * tidy.MAX_LINE + "\n", "line"),
    ("long file", "broker/a.cc", "int x;\n" * (tidy.MAX_FILE + 1), "file"),
    ("long header", "broker/a.h", HEADER + "int x;\n" * tidy.MAX_HEADER, "file"),
    ("no pragma", "broker/a.h", "int x;\n", "pragma"),
    ("long function", "broker/a.cc", "Result<int> A::f(int n) const {\n" + LONG + "\n}\n",
     "function"),
    ("long method", "broker/a.cc", "struct S {\n int x{1};\n int f() {\n" + LONG + "\n }\n};\n",
     "function"),
    ("long constructor", "broker/a.cc", "A::A(int n) : a_{n}, b_{2} {\n" + LONG + "\n}\n",
     "function"),
    ("long coroutine", "broker/a.cc", "namespace n {\nTask<void> f(T t) {\n" + LONG + "\n}\n}\n",
     "function"),
    ("dead source", "broker/dead.cc", "int x;\n", "dead"),
    ("dead header", "broker/dead.h", HEADER, "dead"),
    ("document", "docs/ARCHITECTURE.md", "see `broker/gone.{h,cc}`\n", "document"),
    ("sleeping test", "tests/integration/test_a.py", "time.sleep(1)\n", "banned"),
)

# What looks like a violation and is none.
CLEAN = (
    ("in a comment", "broker/a.cc", "// rocksdb::DB and assert(x), new Thing\n"),
    ("in a string", "broker/a.cc", 'const char* s = "uv_close( new Thing rand()";\n'),
    ("static_assert", "broker/a.cc", "static_assert(sizeof(int) == 4);\n"),
    ("deleted copy", "broker/a.cc", "struct A { A(const A&) = delete; };\n"),
    ("owned new", "broker/a.cc", "std::unique_ptr<A> a(new A());\n"),
    ("downward include", "shared/http/a.cc", '#include "shared/net/b.h"\n'),
    ("sluicectl reads stored data", "broker/ctl/a.cc", '#include "broker/log/verify.h"\n'),
    ("digit separator", "broker/a.cc", "int a = 1'000; int b = 2'000;\n"),
    ("a long table", "broker/a.cc",
     "int f(E e) {\n switch (e) {\n" + "  case E::a: return 1;\n" * 90 + " }\n}\n"),
    ("a constructor's braces", "broker/a.cc",
     "A::A(int n)\n    : a_{n}, b_{2} {\n f();\n}\n" + "int f() {\n return 1;\n}\n" * 60),
    ("short functions", "broker/a.cc", "int f() {\n return 1;\n}\n" * 60),
)

NEIGHBOURS = ("shared/http/b.h", "shared/net/b.h", "shared/base/b.h", "worker/b.h",
              "broker/ctl/b.h", "broker/b.h", "broker/log/verify.h")
TALLIES = (
    ("[doctest] test cases:  12 |  11 passed | 1 failed | 0 skipped", "FAIL", (11, 1)),
    ("....\n3 passed, 1 skipped in 1.20s", "OK", (3, 0)),
    ("== 2 failed, 3 passed, 1 error in 1.20s ==", "FAIL", (3, 3)),
    ("7 passed, 0 failed\n", "OK", (7, 0)),
    ("[doctest] test cases: 5 | 5 passed | 0 failed | 0 skipped\nLeakSanitizer", "FAIL", (5, 1)),
    ("", "OK", (1, 0)),
    ("", "TIMEOUT", (0, 1)),
    ("", "SKIP", (0, 0)),
)


def report(path, text):
    """What tidy says of a small tree that holds this file."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        files = {name: HEADER for name in NEIGHBOURS}
        files["meson.build"] = "'broker/a.cc', 'broker/ctl/a.cc', 'frontend/a.cc', 'worker/a.cc', 'worker/main.cc'," \
            "'shared/net/a.cc', 'shared/http/a.cc', 'tests/unit/a.cc', 'tests/keep.cc'"
        used = NEIGHBOURS + (() if "dead" in path else (path,))
        files["tests/keep.cc"] = "".join(f'#include "{name}"\n' for name in used
                                         if name.endswith(".h"))
        files[path] = text
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content, encoding="utf-8")
        return list(tidy.violations(root))


def main():
    failures = []
    for name, path, text, rule in PLANTED:
        found = report(path, text)
        if not any(line.startswith(path + ":") and f": {rule}: " in line for line in found):
            failures.append(f"{name}: no '{rule}' reported, only {found}")
    for name, path, text in CLEAN:
        if found := report(path, text):
            failures.append(f"{name}: wrongly reported: {found}")
    for text, result, expected in TALLIES:
        counted = tally.count_test({"name": "t", "result": result, "stdout": text})
        if counted != expected:
            failures.append(f"tally of {text!r}: {counted}, expected {expected}")
    total = len(PLANTED) + len(CLEAN) + len(TALLIES)
    print("\n".join(failures))
    print(f"{total - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
