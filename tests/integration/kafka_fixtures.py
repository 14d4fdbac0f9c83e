"""Fixtures of the tests with an Apache Kafka in the place of our broker.

Without Kafka's jars (see apache_kafka.libs) Meson calls them skipped.
"""

import pytest

import apache_kafka
import harness

MESON_SKIP = 77


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One Kafka for all tests: its start takes longer than most of them."""
    if apache_kafka.libs() is None:
        pytest.exit("skipped: there is no Apache Kafka here (./dev, KAFKA_LIBS)", MESON_SKIP)
    kafka = apache_kafka.ApacheKafka(tmp_path_factory.mktemp("kafka") / "node").start()
    yield kafka.wait_ready()
    kafka.finish()


@pytest.fixture
def broker(server):
    server.delete_topics()
    return server


@pytest.fixture
def pipeline(tmp_path, daemons, broker):
    """A group for each test: none waits for sessions of workers that another one killed."""

    def start(sales, worker_options=None, **more):
        options = {"group_id": tmp_path.name, **(worker_options or {})}
        return harness.Pipeline(tmp_path, sales, daemons, broker=broker, worker_options=options,
                                **more)

    return start
