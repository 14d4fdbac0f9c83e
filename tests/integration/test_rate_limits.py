"""Rate limits on the real frontend: by address, through a proxy, by user, and for all together."""

import re

import harness
from harness import sale

REFUSED = re.compile(r'sluice_frontend_orders_rate_limited_total\{limit="(\w+)"\} (\d+)')


def refused(frontend):
    metrics = harness.Http(frontend.admin).get("/metrics").body.decode()
    return {limit: int(count) for limit, count in REFUSED.findall(metrics)}


def order(frontend, user, **headers):
    return frontend.http().request("POST", "/v1/sales/open/orders", {"quantity": 1},
                                   {"X-User-Id": user, **headers})


def check_refused(reply, limit):
    assert reply.status == 429, reply
    assert (reply.json["code"], reply.json["limit"]) == ("rate-limited", limit)
    assert 3500 < int(reply.headers["Retry-After"]) <= 3600


def test_the_address_of_the_socket(pipeline):
    parts = pipeline([sale("open", 9), sale("out", 0)],
                     frontend_options={"rate_limit_ip": "1/h burst 2", "loops": 2})
    assert [order(parts.frontend, user).status for user in ("ann", "bob")] == [202, 202]
    # Nobody vouches for what a client says of itself.
    check_refused(order(parts.frontend, "cid", **{"X-Forwarded-For": "192.0.2.7"}), "ip")
    assert parts.frontend.order("out", "cid").json["code"] == "sold-out"
    assert refused(parts.frontend) == {"user": 0, "ip": 1, "global": 0}


def test_addresses_that_a_trusted_proxy_names(pipeline):
    parts = pipeline([sale("open", 9)], frontend_options={
        "rate_limit_ip": "1/h", "trusted_proxies": "127.0.0.0/8,10.0.0.0/8"})

    def through(*hops):
        return {"X-Forwarded-For": ", ".join(hops)}

    assert order(parts.frontend, "ann", **through("192.0.2.1")).status == 202
    check_refused(order(parts.frontend, "bob", **through("192.0.2.1")), "ip")
    check_refused(order(parts.frontend, "bob", **through("8.8.8.8", "192.0.2.1", "10.0.0.1")), "ip")
    assert order(parts.frontend, "bob", **through("2001:db8::1")).status == 202
    check_refused(order(parts.frontend, "cid", **through("2001:db8::2")), "ip")
    assert order(parts.frontend, "cid", **through("2001:db8:0:1::2")).status == 202


def test_one_user_and_all_together(pipeline):
    parts = pipeline([sale("open", 9)], frontend_options={
        "rate_limit_user": "1/h burst 2", "rate_limit_global": "1/h burst 2"})
    assert order(parts.frontend, "ann").status == 202
    assert order(parts.frontend, "ann").headers["Idempotency-Replayed"] == "true"
    check_refused(order(parts.frontend, "ann"), "user")
    assert order(parts.frontend, "bob").status == 202
    check_refused(order(parts.frontend, "cid"), "global")
    assert order(parts.frontend, "bob").headers["Idempotency-Replayed"] == "true"
    assert refused(parts.frontend) == {"user": 1, "ip": 0, "global": 1}
    assert len(parts.ledger().orders) == 2
