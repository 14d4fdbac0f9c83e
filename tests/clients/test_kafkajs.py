"""Starts a broker and runs kafkajs_client.js against it (`./dev test` installs kafkajs)."""

import os
import pathlib
import subprocess

import harness

SCRIPT = pathlib.Path(__file__).with_name("kafkajs_client.js")


def test_kafkajs(broker):
    done = subprocess.run(["node", str(SCRIPT), broker.listen], text=True, capture_output=True,
                          timeout=100 * harness.PATIENCE, check=False,
                          env={**os.environ, "KAFKAJS_NO_PARTITIONER_WARNING": "1"})
    assert done.returncode == 0, done.stderr + done.stdout
