"""PostgreSQL and MariaDB servers for the tests: in a folder of their own, on a free port."""

import glob
import os
import pwd
import shutil
import subprocess

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
        for parent in (folder, *folder.parents[:3]):  # pytest's folders are its user's only
            if str(parent).startswith("/tmp/"):
                parent.chmod(parent.stat().st_mode | 0o055)
        if os.getuid() == 0:
            shutil.chown(folder, user)
        self.process = None

    def tool(self, *words):
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                              check=False, cwd=self.folder, preexec_fn=become(self.user))
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.folder,
                                            preexec_fn=become(self.user))
        eventually(self.answers, 60, f"{self.name} answers: {(self.folder / 'log').read_text()}")
        return self

    def kill9(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def create(self, database):
        self.sql(f"create database {database}", self.maintenance)

    def url(self, database):
        return (f"{self.scheme}://sluice:{PASSWORD_IN_URL}@127.0.0.1:{self.port}/{database}")


class Postgresql(Server):
    name, scheme, maintenance = "PostgreSQL", "postgresql", "postgres"

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
                "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}"]

    def answers(self):
        return self.sql("select 1") == [["1"]]

    def sql(self, statement, database="postgres"):
        done = run("psql", "-d", self.url(database), "-A", "-t", "-F", "\t", "-c", statement)
        if done.returncode != 0:
            raise OSError(done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]


class Mariadb(Server):
    name, scheme, maintenance = "MariaDB", "mysql", "mysql"

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
        done = run("mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", self.port, "-u", "sluice",
                   f"--password={PASSWORD}", "-N", "-B", "-e", statement, database)
        if done.returncode != 0:
            raise OSError(done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]
