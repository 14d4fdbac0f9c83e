"""What an operator meets first: flags, configuration mistakes, occupied ports and directories."""

import pytest

import harness
from harness import Broker, Frontend, Worker, run

PROGRAMS = ("sluice-broker", "sluice-frontend", "sluice-worker")


@pytest.mark.parametrize("program", PROGRAMS + ("sluicectl",))
def test_version_and_help(program):
    version = run(program, "--version")
    assert version.returncode == 0 and program in version.stdout
    assert any(character.isdigit() for character in version.stdout)
    text = run(program, "--help")
    assert text.returncode == 0 and "--help" in text.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_unknown_key_names_file_line_and_nearest(program, tmp_path):
    config = tmp_path / "wrong.yaml"
    config.write_text("# a comment\nlog_levle: info\n", encoding="utf-8")
    done = run(program, "--config", config)
    assert done.returncode == 2
    assert f"{config}:2" in done.stderr
    assert "log_levle" in done.stderr and "log_level" in done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("text", ["log_level: [1, 2\n", "log_level: {a: b}\n", "- 1\n",
                                  "\x00\x01\xff"])
def test_unreadable_configuration(program, text, tmp_path):
    config = tmp_path / "broken.yaml"
    config.write_text(text, encoding="latin-1")
    done = run(program, "--config", config)
    assert done.returncode == 2
    assert str(config) in done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_bad_values_and_flags(program, tmp_path):
    for words in (("--set", "admin_listen=127.0.0.1:70000"), ("--set", "log_levle=x"),
                  ("--set", "nothing"), ("--config", tmp_path / "absent.yaml"),
                  ("--no-such-flag",)):
        done = run(program, *words)
        assert done.returncode == 2, f"{words}: {done.returncode} {done.stderr}"
        assert done.stderr.strip()


@pytest.mark.parametrize("program", PROGRAMS)
def test_sample_configuration_is_valid(program, tmp_path):
    sample = run(program, "--sample-config")
    assert sample.returncode == 0
    config = tmp_path / "sample.yaml"
    config.write_text(sample.stdout, encoding="utf-8")
    done = run(program, "--check-config", "--config", config)
    assert done.returncode == 0, done.stderr


def test_port_in_use(broker, tmp_path):
    done = run("sluice-broker", "--set", f"listen={broker.listen}", "--set",
               "admin_listen=127.0.0.1:0", "--set", f"data_dir={tmp_path / 'other'}")
    assert done.returncode not in (0, 2) and done.returncode > 0
    assert broker.listen in done.stderr


def test_data_directory_is_locked(broker):
    done = run("sluice-broker", "--set", "listen=127.0.0.1:0", "--set",
               "admin_listen=127.0.0.1:0", "--set", f"data_dir={broker.options['data_dir']}")
    assert done.returncode not in (0, 2) and done.returncode > 0
    assert str(broker.options["data_dir"]) in done.stderr
    assert broker.is_ready()


def test_data_directory_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    done = run("sluice-broker", "--set", "listen=127.0.0.1:0", "--set",
               "admin_listen=127.0.0.1:0", "--set", f"data_dir={tmp_path / 'file'}")
    assert done.returncode not in (0, 2) and done.returncode > 0
    assert str(tmp_path / "file") in done.stderr


def test_starts_fast_stays_small_stops_cleanly(broker):
    if not harness.SANITIZED:
        assert broker.seconds_to_ready < 1
        assert broker.memory_kib() < 40 * 1024
    assert broker.sigterm() < harness.STOP_SECONDS * harness.PATIENCE


def test_stops_with_open_connections(broker):
    sockets = [harness.connect(broker.listen) for _ in range(20)]
    sockets += [harness.connect(broker.admin) for _ in range(5)]
    broker.sigterm()
    for sock in sockets:
        sock.close()


def test_keeps_its_data_over_a_clean_restart(broker):
    broker.create_topic("kept", 3)
    harness.kcat(broker, "-P", "-t", "kept", "-p", "1", stdin="a\nb\n")
    broker.sigterm()
    broker.start().wait_ready()
    found = broker.read_topic("kept")
    assert [message.value() for message in found] == [b"a", b"b"]
    assert {message.partition() for message in found} == {1}


def test_frontend_and_worker_wait_for_a_broker_and_stop_without_one(tmp_path, daemons):
    broker = Broker(tmp_path / "broker").start().wait_ready()
    broker.kill9()
    sales = [harness.sale("demo", 1)]
    for daemon in (Frontend(tmp_path / "frontend", broker, sales),
                   Worker(tmp_path / "worker", broker)):
        daemon = daemons(daemon)
        daemon.start()
        assert not daemon.is_ready()
        daemon.sigterm()
