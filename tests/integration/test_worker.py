"""What an operator decides about a worker: how fast it places orders, its name in the group."""

import json

from harness import Http, Worker, eventually, sale

RATE = 20


def settings(worker, body=None, method="PATCH"):
    return Http(worker.admin).request(method, "/v1/worker", body)


def test_no_faster_than_allowed_and_changed_at_run_time(pipeline):
    parts = pipeline([sale("rush", 100)], worker_options={"max_orders_per_second": RATE})
    for n in range(60):
        assert parts.frontend.order("rush", f"user-{n}").status == 202
    eventually(lambda: len(parts.worker.rows()) >= 45, what="orders are placed, slowly")
    placed = sorted(row[0] for row in parts.worker.rows("placed_at"))
    for first in range(len(placed)):
        for last in range(first + 1, len(placed)):
            stretch = (placed[last] - placed[first]) / 1000
            assert last - first <= RATE * (stretch + 0.1) + 1, f"{last - first} in {stretch} s"
    shown = settings(parts.worker, method="GET").json
    assert shown["working"] and shown["max_orders_per_second"] == RATE and shown["partitions"] > 0
    for n in range(60, 100):
        assert parts.frontend.order("rush", f"user-{n}").status == 202
    reply = settings(parts.worker, json.dumps({"max_orders_per_second": 0}))
    assert reply.status == 200 and reply.json["max_orders_per_second"] == 0
    eventually(lambda: len(parts.worker.rows()) == 100, what="the rest is placed")


def test_settings_that_are_refused_say_why(pipeline):
    parts = pipeline([sale("rush", 1)])
    for body, word in (("", "JSON"), ("[]", "JSON"), ("{}", "missing"),
                       ('{"max_orders_per_second":-1}', "whole number"),
                       ('{"max_orders_per_second":"5"}', "whole number"),
                       ('{"max_orders_per_second":1.5}', "whole number"),
                       ('{"speed":5}', '"speed"')):
        reply = settings(parts.worker, body)
        assert reply.status == 400 and word in reply.json["detail"], reply
    assert settings(parts.worker, method="GET").json["max_orders_per_second"] == 0


def test_a_named_worker_gets_its_partitions_back(pipeline, daemons, tmp_path):
    """… and the others keep theirs."""
    group = {"group_id": "named", "session_timeout": "30s"}
    parts = pipeline([sale("rush", 50)], worker_options={"group_instance_id": "one", **group})
    other = daemons(Worker(tmp_path / "other", parts.broker, {
        "group_instance_id": "two", "database": f"sqlite:{parts.worker.database}",
        **group})).start()
    other.wait_ready()

    def held(worker):
        return settings(worker, method="GET").json["partitions"]

    eventually(lambda: held(parts.worker) > 0 and held(other) > 0, seconds=60,
               what="both have partitions")
    mine, theirs = held(parts.worker), held(other)
    given_up = other.log().count("partition given up")
    parts.worker.kill9()
    orders = [parts.frontend.order("rush", f"user-{n}").json["order_id"] for n in range(20)]
    parts.worker.start().wait_ready()
    eventually(lambda: {row[0] for row in parts.worker.rows()} == set(orders),
               what="every order has its row")
    assert (held(parts.worker), held(other)) == (mine, theirs)
    assert other.log().count("partition given up") == given_up
