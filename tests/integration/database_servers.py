"""PostgreSQL and MariaDB servers for the tests: in a folder of their own, on a free port."""

import contextlib
import glob
import itertools
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import pytest

import harness
from harness import die_with_parent, eventually, free_port, run

PASSWORD = "p@ss'word"  # as hard to write down as people's are
PASSWORD_IN_URL = "p%40ss%27word"


def become(user):
    """Neither server runs as root; what it does not, it runs as whoever runs the tests."""
    account = pwd.getpwnam(user)

    def switch():
        die_with_parent()
        if os.getuid() == 0:
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)

    return switch


class Server:
    """One server process; url() names a database in it."""

    def __init__(self, folder, user):
        self.folder, self.user, self.port = folder, user, free_port()
        folder.mkdir(parents=True)
        for parent in (folder, *folder.parents[:3]):  # temporary folders are their user's only
            if str(parent).startswith("/tmp/"):
                parent.chmod(parent.stat().st_mode | 0o055)
        if os.getuid() == 0:
            shutil.chown(folder, user)
        self.process = None
        self.still = []

    def tool(self, *words):
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                              check=False, cwd=self.folder, preexec_fn=become(self.user))
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"

    @staticmethod
    def done(done):
        assert done.returncode == 0, f"{done.args}: {done.stdout}{done.stderr}"

    def start(self):
        self.launch()
        eventually(self.answers_or_is_launched, 60, f"{self.name} answers, see {self.folder}/log")
        return self

    def launch(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.folder,
                                            preexec_fn=become(self.user))

    def answers_or_is_launched(self):
        """PostgreSQL does not start while a process of the one that was killed is still there."""
        if self.process.poll() is not None:
            self.launch()
        return self.answers()

    def kill9(self):
        self.process.kill()
        self.process.wait()

    def stand_still(self):
        """All its processes are stopped, those that it starts meanwhile too. Its kernel goes on:
        it accepts connections and acknowledges what it gets."""
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            os.kill(pid, signal.SIGSTOP)
            self.still.append(pid)
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
            waiting += map(int, children.split())

    def go_on(self):
        while self.still:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.still.pop(), signal.SIGCONT)

    def discard(self):
        """Its files go with it, so that nothing is to be written down."""
        self.go_on()
        if self.process.poll() is None:
            self.process.send_signal(self.end_at_once)
            self.process.wait(60)

    def keep_files(self):
        """Copies them as they are on the disk now. REQUIRES: the server does not run."""
        shutil.rmtree(self.folder / "older", ignore_errors=True)
        self.tool("cp", "-a", self.folder / "data", self.folder / "older")

    def go_back(self):
        """They are those that were kept again. REQUIRES: the server does not run."""
        shutil.rmtree(self.folder / "data")
        self.tool("cp", "-a", self.folder / "older", self.folder / "data")

    def create(self, database):
        self.sql(f"create database {database}", self.maintenance)

    def url(self, database):
        return (f"{self.scheme}://sluice:{PASSWORD_IN_URL}@127.0.0.1:{self.port}/{database}")


class Postgresql(Server):
    name, scheme, maintenance = "PostgreSQL", "postgresql", "postgres"
    end_at_once = signal.SIGQUIT  # waits for its processes, which kill -9 would not
    # kill -9 loses nothing that was written, and a restart need not sync all files.
    fsync = "off"

    def __init__(self, folder):
        super().__init__(folder, "postgres")
        self.programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        password = folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        password.chmod(0o644)
        self.tool(f"{self.programs}/initdb", "-D", folder / "data", "-U", "sluice", "-E", "UTF8",
                  "--locale=C", "-A", "scram-sha-256", f"--pwfile={password}")

    def command(self):
        return [f"{self.programs}/postgres", "-D", str(self.folder / "data"), "-p", str(self.port),
                "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}",
                "-c", f"fsync={self.fsync}"]

    def answers(self):
        return self.sql("select 1") == [["1"]]

    def sql(self, statement, database="postgres"):
        done = run("psql", "-d", self.url(database), "-A", "-t", "-F", "\t", "-c", statement)
        if done.returncode != 0:
            raise OSError(done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def dump(self, database, path):
        self.done(run(f"{self.programs}/pg_dump", "-d", self.url(database), "--clean", "-f", path))

    def load(self, database, path):
        self.done(run("psql", "-d", self.url(database), "-q", "-1", "-v", "ON_ERROR_STOP=1",
                      "-f", path))


class Mariadb(Server):
    name, scheme, maintenance = "MariaDB", "mysql", "mysql"
    end_at_once = signal.SIGKILL

    def __init__(self, folder):
        super().__init__(folder, "mysql")
        self.tool("mariadb-install-db", "--no-defaults", f"--datadir={folder / 'data'}",
                  "--skip-test-db", "--auth-root-authentication-method=normal")
        users = folder / "users.sql"
        users.write_text(f'CREATE USER IF NOT EXISTS sluice@127.0.0.1 IDENTIFIED BY "{PASSWORD}";\n'
                         "GRANT ALL ON *.* TO sluice@127.0.0.1;\n", encoding="utf-8")
        users.chmod(0o644)

    def command(self):
        return ["/usr/sbin/mariadbd", "--no-defaults", f"--datadir={self.folder / 'data'}",
                f"--port={self.port}", "--bind-address=127.0.0.1",
                f"--socket={self.folder / 'socket'}", f"--pid-file={self.folder / 'pid'}",
                f"--init-file={self.folder / 'users.sql'}"]

    def answers(self):
        return self.sql("select 1") == [["1"]]

    def sql(self, statement, database="mysql"):
        done = self.run_client("mariadb", "-N", "-B", "-e", statement, database)
        if done.returncode != 0:
            raise OSError(done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def run_client(self, program, *words, stdin=None):
        return run(program, "--no-defaults", "-h", "127.0.0.1", "-P", self.port, "-u", "sluice",
                   f"--password={PASSWORD}", *words, stdin=stdin)

    def dump(self, database, path):
        self.done(self.run_client("mariadb-dump", "--single-transaction", "-r", path, database))

    def load(self, database, path):
        self.done(self.run_client("mariadb", database, stdin=path.read_text(encoding="utf-8")))


class ServerWorker(harness.Worker):
    """A worker whose orders are in a database of a server."""

    def __init__(self, folder, broker, server, database, options=None):
        super().__init__(folder, broker, {**(options or {}), "database": server.url(database)})
        self.server, self.name = server, database

    def query(self, statement):
        try:
            return [tuple(row) for row in self.server.sql(statement, self.name)]
        except OSError:  # no table yet
            return []


class SqliteHome:
    """Where a worker's orders are: in a file, which is nobody's process."""

    server = None

    def __init__(self, folder):
        self.folder = folder

    def worker(self, folder, broker, options):
        database = self.folder / "orders.db"
        worker = harness.Worker(folder, broker, {**(options or {}),
                                                 "database": f"sqlite:{database}"})
        worker.database = database
        return worker

    def backup(self, path):
        """REQUIRES, as the next: no worker runs. One that was killed leaves a WAL."""
        shutil.copytree(self.folder, path)

    def restore(self, path):
        shutil.rmtree(self.folder)
        shutil.copytree(path, self.folder)


class ServerHome:
    """Where a worker's orders are: in a new database of a server."""

    numbers = itertools.count(1)

    def __init__(self, server):
        self.server, self.database = server, f"shop{next(self.numbers)}"
        server.create(self.database)

    def worker(self, folder, broker, options):
        return ServerWorker(folder, broker, self.server, self.database, options)

    def backup(self, path):
        self.server.dump(self.database, path)

    def restore(self, path):
        self.server.load(self.database, path)


SQLITE = None
ALL = [SQLITE, Postgresql, Mariadb]


def kind_name(kind):
    return kind.name if kind else "SQLite"


@pytest.fixture(scope="module")
def servers():
    """servers(kind): the module's server of that kind, started when it is first asked for."""
    started = {}

    def of(kind):
        if kind not in started:
            started[kind] = kind(pathlib.Path(folder) / kind.name).start()
        return started[kind]

    # Not in pytest's folder: every pytest that starts takes it away from other users.
    with tempfile.TemporaryDirectory(prefix="sluice-servers-") as folder:
        yield of
        for server in started.values():
            server.discard()


@pytest.fixture
def home(request, servers, tmp_path):
    """By indirect parameters: SQLITE or a kind of server."""
    return ServerHome(servers(request.param)) if request.param else SqliteHome(tmp_path / "orders")
