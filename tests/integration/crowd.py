"""The crowd of the sale tests: wrk with sale.lua."""

import json
import pathlib
import signal
import subprocess

import harness
from harness import eventually

SECONDS = 600
SCRIPT = pathlib.Path(__file__).with_name("sale.lua")


ENDLESS = 1_000_000_000  # requests


class Crowd:
    """wrk with sale.lua, running in the background."""

    def __init__(self, frontend, folder, sale, users, requests, connections, threads=2):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.threads = threads
        self.process = subprocess.Popen(
            ["wrk", "-t", str(threads), "-c", str(connections), "-d", f"{SECONDS}s", "--timeout",
             "60s", "-s", str(SCRIPT), f"http://{frontend.listen}", "--", sale, str(users),
             str(requests), str(threads), str(self.folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            preexec_fn=harness.die_with_parent)

    def answers_202(self):
        """(order, state) of each 202 so far; the last line may be half written."""
        found = []
        for path in self.folder.glob("accepted-*"):
            for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
                found.append(tuple(line.split(" ")))
        return found

    def answers(self):
        """How many so far, to the hundred."""
        return sum(int(path.read_text(encoding="utf-8") or 0)
                   for path in self.folder.glob("answered-*"))

    def has_ended(self):
        """Every thread has its share of answers, or wrk is gone."""
        ended = len(list(self.folder.glob("ended-*"))) == self.threads
        return ended or self.process.poll() is not None

    def result(self):
        eventually(self.has_ended, SECONDS, "the crowd has its answers")
        return self.end()

    def end(self):
        """What it has got until now."""
        self.process.send_signal(signal.SIGINT)  # it prints its summary now
        output, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, output
        return json.loads(output[output.index("RESULT ") + 7:].splitlines()[0])
