"""Adds up what the test runs counted and prints it as the last line: 'N passed, N failed'.

Arguments: Meson test logs (one JSON object a line). A test's own count (doctest, pytest, unittest)
is used where its output has one; a test that fails without naming a failed case counts as one. What
was skipped is named.
"""

import json
import re
import sys

COUNTS = (
    # doctest: [doctest] test cases:  12 |  12 passed | 0 failed | 0 skipped
    re.compile(r"test cases:\s*\d+\s*\|\s*(?P<passed>\d+) passed\s*\|\s*(?P<failed>\d+) failed"),
    # our own scripts
    re.compile(r"^(?:[\w-]+: )?(?P<passed>\d+) passed, (?P<failed>\d+) failed\s*$", re.M),
)
PYTEST = re.compile(r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s", re.M)


def count_cases(text):
    """(passed, failed) that the output itself names, or None."""
    for pattern in COUNTS:
        found = list(pattern.finditer(text))
        if found:
            return (sum(int(m["passed"]) for m in found), sum(int(m["failed"]) for m in found))
    found = PYTEST.findall(text)
    if found:
        words = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", found[-1])}
        failed = words.get("failed", 0) + words.get("error", 0) + words.get("errors", 0)
        return (words.get("passed", 0), failed)
    return None


def count_test(test):
    """(passed, failed) of one Meson test."""
    if test["result"] == "SKIP":
        return (0, 0)
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    passed, failed = count_cases(test.get("stdout") or "") or ((1, 0) if good else (0, 1))
    if not good and failed == 0:
        failed = 1
    return (passed, failed)


def main(paths):
    passed = failed = 0
    names, skipped = [], []
    for path in paths:
        with open(path, encoding="utf-8") as log:
            for line in log:
                test = json.loads(line)
                test_passed, test_failed = count_test(test)
                passed += test_passed
                failed += test_failed
                if test["result"] == "SKIP":
                    skipped.append(f"{test['name']} ({path})")
                if test_failed:
                    names.append(f"{test['name']} ({test_failed}, {path})")
    for name in skipped:
        print(f"skipped: {name}")
    for name in names:
        print(f"failed: {name}")
    if passed + failed == 0:
        print("no test ran", file=sys.stderr)
        failed = 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
