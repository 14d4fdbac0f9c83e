"""schemathesis makes requests out of each listener's OpenAPI description and checks the answers.

No 5xx, only the statuses, media types, headers and schemas that the description has, and no
acceptance of what it forbids. By a fixed seed.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest

import harness

CONFIG = str(pathlib.Path(__file__).with_name("schemathesis.toml"))
SOURCES = pathlib.Path(__file__).parent.parent.parent / "frontend" / "openapi"
TOKEN = "0123456789abcdef-of-the-tests"
EXAMPLES = 5 if harness.SANITIZED else 20


@pytest.fixture
def shop(tmp_path, broker, daemons):
    """No worker: orders stay queued, so that all that ends them can be asked for."""
    sales = [harness.sale("demo", 1_000_000, per_user_limit=1_000),
             harness.sale("out", 0), harness.sale("early", 5, starts_at="2100-01-01T00:00:00Z"),
             harness.sale("late", 5, ends_at="2001-01-01T00:00:00Z")]
    options = {"admin_token": TOKEN, "payment_secret": "0123456789abcdef", "rate_limit_user": ""}
    frontend = daemons(harness.Frontend(tmp_path / "frontend", broker, sales, options))
    return frontend.start().wait_ready()


def with_examples(node, where=""):
    """(place, schema, example) of everything in a description that has both."""
    if isinstance(node, dict):
        if "schema" in node and "example" in node:
            yield where, node["schema"], node["example"]
        for key, value in node.items():
            yield from with_examples(value, f"{where}/{key}")


@pytest.mark.parametrize("name", ["shop", "admin"])
def test_examples_are_as_their_schemas_say(name):
    sys.path.insert(0, os.environ["SLUICE_SCHEMATHESIS"])
    import jsonschema_rs
    document = json.loads((SOURCES / f"{name}.json").read_text(encoding="utf-8"))
    seen = 0
    for where, schema, example in with_examples(document):
        validator = jsonschema_rs.Draft202012Validator(
            {**schema, "components": document["components"]}, validate_formats=True)
        assert validator.is_valid(example), (where, list(validator.iter_errors(example)))
        seen += 1
    assert seen > 20


def explore(address, *words):
    """One run of schemathesis. Its report is in the failure."""
    library = pathlib.Path(os.environ["SLUICE_SCHEMATHESIS"])
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", CONFIG, "run",
         f"http://{address}/openapi.json", "--max-examples", str(EXAMPLES), *words],
        env={**os.environ, "PYTHONPATH": str(library)}, cwd=library, capture_output=True,
        text=True, timeout=60 * harness.PATIENCE, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]


def test_the_shop_is_as_described(shop):
    explore(shop.listen)


def test_the_administration_is_as_described(shop):
    explore(shop.admin, "--header", f"Authorization: Bearer {TOKEN}")
