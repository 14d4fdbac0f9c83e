"""Fixtures: daemons that are stopped after each test and must have stopped cleanly."""

import pytest

import harness
import shop_system
from database_servers import home, servers  # noqa: F401


def pytest_configure(config):
    config.addinivalue_line("markers", "chaos: kills daemons under load (./dev chaos)")


@pytest.fixture
def daemons():
    """Start a daemon with daemons(daemon); the end of the test checks and stops them all."""

    def keep(daemon):
        keep.started.append(daemon)
        return daemon

    keep.started = []
    yield keep
    errors = []
    for daemon in reversed(keep.started):
        try:
            daemon.finish()
        except AssertionError as error:
            errors.append(str(error))
    assert not errors, "\n".join(errors)


@pytest.fixture
def broker(tmp_path, daemons):
    return daemons(harness.Broker(tmp_path / "broker")).start().wait_ready()


@pytest.fixture
def pipeline(tmp_path, daemons):
    """pipeline([sale(…), …]) starts all three daemons."""
    return lambda sales, **more: harness.Pipeline(tmp_path, sales, daemons, **more)


@pytest.fixture
def systems(tmp_path):
    """systems(): a shop's own system, and the options of a worker that tells it."""
    started = []

    def start():
        secret, path = shop_system.new_secret(tmp_path, f"secret-{len(started)}")
        listening = shop_system.ShopSystem(secret).start()
        listening.options = {"webhook_url": listening.url, "webhook_secret_files": path,
                             "webhook_retry_max_delay": "200ms"}
        started.append(listening)
        return listening

    yield start
    for listening in started:
        listening.stop()
        assert not listening.forged


@pytest.fixture
def system(systems):
    return systems()


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of its daemons' logs."""
    outcome = yield
    report = outcome.get_result()
    if report.when != "call" or not report.failed:
        return
    for daemon in getattr(item.funcargs.get("daemons"), "started", []):
        report.sections.append((f"log of {daemon.program}", daemon.log()))
