"""The same daemons with an Apache Kafka in the place of our broker.

What other modules prove with our broker is run here again, as it is; with crowds:
test_apache_kafka_crowds.py.
"""

import json

import harness
from harness import eventually, run, sale
from kafka_fixtures import broker, pipeline, server  # noqa: F401

# pylint: disable=unused-import
from test_audit import shop, test_a_sale_that_is_well  # noqa: F401
from test_dead_letters import (  # noqa: F401
    letters, test_a_letter_is_shown_sent_back_counted_and_discarded,
    test_a_record_too_large_for_a_letter_stops_nobody,
    test_a_redrive_lives_through_a_kill_of_the_broker,
    test_discard_gives_back_a_prefix_of_one_partition)
from test_orders import (  # noqa: F401
    test_a_cancelled_unit_is_sold_again, test_a_payment_counts_once_and_too_late_is_owed_back,
    test_cancelled_and_paid_at_once_is_one_of_the_two, test_what_is_not_paid_in_time_is_sold_again,
    test_what_fell_due_while_nobody_worked_expires_at_the_start)
from test_pipeline import (  # noqa: F401
    test_a_broker_that_is_down_reserves_nothing, test_a_lost_database_is_rebuilt_from_the_log,
    test_a_placed_order_outlives_every_process, test_a_topic_that_drops_records_is_warned_of,
    test_stop_finishes_what_is_in_flight)
from test_sale_lifecycle import (  # noqa: F401
    test_a_pause_in_the_rush_is_exact, test_a_restock_reopens_and_nothing_is_sold_twice,
    test_from_draft_to_settled)
from test_waiting_room import room, test_kill_9_keeps_the_order_and_the_rate  # noqa: F401
from test_worker import test_a_named_worker_gets_its_partitions_back  # noqa: F401

def ctl(broker, *words, stdin=None):
    done = run("sluicectl", "-b", broker.listen, *words, "-o", "json", stdin=stdin)
    assert done.returncode == 0, f"sluicectl {words}: {done.stdout}{done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def names(broker):
    [topics] = ctl(broker, "topic", "list")
    return {topic["name"] for topic in topics}


def configs(broker, topic):
    [described] = ctl(broker, "topic", "describe", topic)
    return {entry["name"]: entry["value"] for entry in described["configs"]}


def test_topics_and_records_by_sluicectl(broker):
    ctl(broker, "topic", "create", "made", "--partitions", 3, "--config", "retention.ms=60000")
    assert "made" in names(broker) and configs(broker, "made")["retention.ms"] == "60000"
    ctl(broker, "topic", "produce", "made", "--partition", 2, stdin="one\ntwo\n")
    consumed = ctl(broker, "topic", "consume", "made", "--group", "readers")
    assert [record["value"] for record in consumed] == ["one", "two"]
    [described] = ctl(broker, "topic", "describe", "made")
    assert [partition["high"] for partition in described["partitions"]] == [0, 0, 2]
    [groups] = ctl(broker, "group", "list")
    assert "readers" in {group["group"] for group in groups}
    [described] = ctl(broker, "group", "describe", "readers")
    assert [(at["committed"], at["lag"]) for at in described["partitions"]] == [(2, 0)]
    ctl(broker, "topic", "delete", "made", "--yes")
    eventually(lambda: "made" not in names(broker))


def test_no_fact_is_dropped_by_age_or_size(pipeline):
    """Whatever the cluster does by default, which is to drop what is a week old."""
    parts = pipeline([sale("demo", 10)])
    for topic in (harness.ORDERS_TOPIC, "dlq." + harness.ORDERS_TOPIC):
        found = configs(parts.broker, topic)
        assert (found["retention.ms"], found["retention.bytes"]) == ("-1", "-1"), topic


def test_a_worker_that_waits_for_its_group_stops_in_time(pipeline):
    """Kafka answers it when the session of the one that was killed is over, and nothing before."""
    parts = pipeline([sale("demo", 10)])
    parts.worker.kill9()
    parts.worker.start()
    group = parts.worker.options["group_id"]
    eventually(lambda: ctl(parts.broker, "group", "describe", group)[0]["state"] ==
               "PreparingRebalance", what="the group waits for who was killed")
    parts.worker.sigterm()


def test_what_only_our_broker_has_says_so(broker):
    """Commands of its own HTTP API reach nobody here."""
    for words in (("message", "find", "t", "--key", "k"), ("delay", "list", "t"),
                  ("backup", "list")):
        done = run("sluicectl", "-b", broker.listen, *words)
        assert done.returncode != 0 and done.stderr.startswith("sluicectl: "), (words, done)
