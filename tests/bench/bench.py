"""What we cost beside what the machine can do, as ratios from one run (./dev bench).

HTTP: wrk against nginx `return 200`, our sold-out reject and our accepted order, in turns.
Log: durable produce through sluice-broker beside a bare append + fdatasync with the batch size that
the broker's group commit reached. The machine's noise is in both sides of every ratio.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import compaction
import delays
import drain
import endurance
import idle_crowd
import matrix
import measuring
import placing
import reads
import recovery
import scale
import start
from measuring import bare, produce

import harness
from harness import Broker, Frontend, Worker, eventually, sale

HERE = pathlib.Path(__file__).parent
ROUNDS = measuring.rounds()
SECONDS = int(measuring.seconds(5))
LATENCY_ROUNDS = 3000
CONNECTIONS = 64
NGINX = """
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen {address}; location / {{ return 200 "ok"; }} }}
}}
"""


class Nginx:
    """The yardstick of HTTP, with as many workers as there are cores."""

    def __init__(self, folder):
        folder.mkdir()
        self.listen = f"127.0.0.1:{harness.free_port()}"
        config = folder / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, address=self.listen,
                                       workers=os.cpu_count()), encoding="utf-8")
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin")
        self.process = subprocess.Popen(
            [program, "-c", str(config), "-p", str(folder), "-g", "daemon off;"],
            stdin=subprocess.DEVNULL, preexec_fn=harness.die_with_parent)
        eventually(lambda: harness.Http(self.listen).get("/").status == 200, what="nginx answers")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def wrk(address, sale_name, prefix):
    """One run of order.lua: its RESULT with the rate."""
    done = subprocess.run(
        ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{SECONDS}s", "-s",
         str(HERE / "order.lua"), f"http://{address}", "--", sale_name, prefix],
        capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    result = json.loads(done.stdout[done.stdout.index("RESULT ") + 7:].splitlines()[0])
    assert result["socket_errors"] == 0, done.stdout
    result["rate"] = result["requests"] / result["seconds"]
    return result


def row(name, results, yardstick=None):
    rate = statistics.median(result["rate"] for result in results)
    p99 = statistics.median(result["p99_us"] for result in results)
    ratio = f"{rate / yardstick:6.2f} × nginx" if yardstick else ""
    print(f"  {name:<34} {rate:>10,.0f} /s   p99 {p99 / 1000:8.2f} ms   {ratio}", flush=True)
    return rate


def bench_http(folder):
    print(f"HTTP, {CONNECTIONS} connections, {ROUNDS} × {SECONDS} s each, in turns; median",
          flush=True)
    broker = Broker(folder / "broker").start().wait_ready()
    frontend = Frontend(folder / "frontend", broker,
                        [sale("out", 1), sale("open", 1_000_000_000)]).start().wait_ready()
    worker = Worker(folder / "worker", broker).start().wait_ready()
    nginx = Nginx(folder / "nginx")
    assert frontend.order("out", "first").status == 202
    results = {"nginx": [], "reject": [], "accept": []}
    for number in range(ROUNDS):
        results["nginx"].append(wrk(nginx.listen, "out", f"n{number}"))
        results["reject"].append(wrk(frontend.listen, "out", f"r{number}"))
        assert results["reject"][-1]["not_2xx"] == results["reject"][-1]["requests"]
        results["accept"].append(wrk(frontend.listen, "open", f"a{number}"))
        assert results["accept"][-1]["not_2xx"] == 0
    yardstick = row("nginx return 200", results["nginx"])
    row("frontend, sold out: 409", results["reject"], yardstick)
    row("frontend, order accepted: 202", results["accept"], yardstick)
    placed = sum(result["requests"] for result in results["accept"])
    print(f"  ({placed:,} orders accepted; each is a durable record)")
    nginx.stop()
    for daemon in (frontend, worker, broker):
        daemon.finish()


def bench_log(folder):
    print(f"log, durable, {ROUNDS} rounds in turns; median; ratio to a bare append + fdatasync of "
          "the same batches", flush=True)
    for record_bytes, records in ((100, 1_000_000), (1024, 300_000), (16 * 1024, 20_000)):
        broker = Broker(folder / f"log-{record_bytes}").start().wait_ready()
        broker.create_topic("bench", 4)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            result = produce(broker, "bench", 4, record_bytes, records)
            ours.append(result)
            theirs.append(bare(folder, result["batch"], result["bytes"]))
        rate = statistics.median(run["bytes"] / run["seconds"] for run in ours)
        limit = statistics.median(run["bytes"] / run["seconds"] for run in theirs)
        p99 = statistics.median(run["p99_us"] for run in ours)
        print(f"  {record_bytes:>6} B records {rate / record_bytes:>12,.0f} /s"
              f" {rate / 1e6:8.1f} MB/s   p99 {p99 / 1000:7.1f} ms"
              f"   batch {ours[-1]['batch'] / 1024:8.1f} KiB"
              f"   {rate / limit:6.2f} × bare file", flush=True)
        broker.finish()
        shutil.rmtree(broker.folder)


def bench_latency(folder):
    print("one durable record at a time, beside fdatasync and a loopback round trip of the same "
          f"bytes, in turns; {LATENCY_ROUNDS} of each; p50 / p99 in µs", flush=True)
    broker = Broker(folder / "latency").start().wait_ready()
    broker.create_topic("bench", 1)
    for record_bytes in (200, 1024, 16 * 1024):
        result = measuring.program("latency_bench", broker.listen.rsplit(":", 1)[1], "bench",
                                   record_bytes, LATENCY_ROUNDS, folder / "bare.log")
        floor = result["fdatasync"]["p50_us"] + result["loopback"]["p50_us"]
        figures = "   ".join(f"{name} {series['p50_us']:>5} / {series['p99_us']:>5}"
                             for name, series in result.items())
        print(f"  {record_bytes:>6} B   {figures}   p50 {result['produce']['p50_us'] - floor:+} µs"
              " over fdatasync + loopback", flush=True)
    broker.finish()


# What runs when nothing is named, and what is only run by its name.
USUAL = {"http": bench_http, "log": bench_log, "latency": bench_latency}
PARTS = {**USUAL, "matrix": matrix.run, "reads": reads.run, "scale": scale.run,
         "partitions": scale.run_partitions, "records": scale.run_records,
         "compaction": compaction.run, "crowd": idle_crowd.run, "delays": delays.run,
         "drain": drain.run, "endurance": endurance.run, "placing": placing.run,
         "recovery": recovery.run, "start": start.run}


def main(words):
    if any(word not in PARTS for word in words):
        sys.exit(f"usage: bench.py [{'|'.join(PARTS)}]…")
    for word in words or USUAL:
        with tempfile.TemporaryDirectory(prefix="sluice-bench.") as folder:
            PARTS[word](pathlib.Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
