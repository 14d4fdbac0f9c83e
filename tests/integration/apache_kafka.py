"""Apache Kafka for the tests: one node (KRaft) in a folder of its own, on free ports."""

import os
import pathlib
import re
import shutil
import subprocess

import confluent_kafka
from confluent_kafka import admin as kafka_admin

from harness import KafkaServer, PATIENCE, die_with_parent, eventually, free_port

CLUSTER = "c2x1aWNlLXRlc3RzLWFhYQ"
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{quorum}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{quorum}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""


def libs():
    """The folder of Kafka's jars: KAFKA_LIBS, or where ./dev puts them; None: there is none."""
    ours = pathlib.Path(__file__).resolve().parents[2] / "build" / "kafka"
    folder = pathlib.Path(os.environ.get("KAFKA_LIBS", ours))
    return folder if version(folder) else None


def version(folder):
    jars = " ".join(path.name for path in folder.glob("kafka_2.1*.jar"))
    found = re.search(r"kafka_2\.1\d-([\d.]+)\.jar", jars)
    return found[1] if found else None


class ApacheKafka(KafkaServer):
    """A broker that takes the place of ours: killed, started again on its port, looked at."""

    program = "Apache Kafka"

    def __init__(self, folder, heap="512m", properties=""):
        self.folder = folder
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.listen = f"127.0.0.1:{self.port}"
        self.java = [os.environ.get("JAVA") or shutil.which("java"), f"-Xms{heap}", f"-Xmx{heap}",
                     "-XX:+UseG1GC", "-cp", f"{libs()}/*"]
        self.config = folder / "server.properties"
        self.config.write_text(PROPERTIES.format(folder=folder, port=self.port,
                                                 quorum=free_port()) + properties,
                               encoding="utf-8")
        self.process = None
        self._run(self.spawn("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", self.config))

    def spawn(self, *words):
        with open(self.folder / "output.log", "ab") as log:
            return subprocess.Popen([*self.java, *map(str, words)], stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log, cwd=self.folder,
                                    preexec_fn=die_with_parent)

    def _run(self, process):
        assert process.wait(120 * PATIENCE) == 0, self.log()

    def log(self):
        return (self.folder / "output.log").read_text(errors="replace")[-4000:]

    def start(self):
        self.process = self.spawn("kafka.Kafka", self.config)
        return self

    def wait_ready(self, seconds=90):
        def answers():
            assert self.process.poll() is None, f"it died: {self.log()}"
            client = kafka_admin.AdminClient(self.client_options())
            try:
                return client.list_topics(timeout=2).brokers
            except confluent_kafka.KafkaException as error:
                raise OSError(str(error)) from error
        eventually(answers, seconds, f"Kafka answers: {self.log()}", every=0.1)
        return self

    def kill9(self):
        self.process.kill()
        self.process.wait()

    def sigterm(self):
        self.process.terminate()
        self.process.wait(60 * PATIENCE)

    def delete_topics(self):
        """Whatever tests made; of Kafka's own topics only what is in them of those goes."""
        client = kafka_admin.AdminClient(self.client_options())
        names = [name for name in client.list_topics(timeout=20).topics
                 if not name.startswith("__")]
        for future in client.delete_topics(names).values() if names else ():
            future.result(20 * PATIENCE)

    def finish(self):
        """The end of a test; how long Kafka takes to stop is its own affair."""
        if self.process is not None and self.process.poll() is None:
            self.kill9()
