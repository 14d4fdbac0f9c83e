"""Who may buy, on the real daemons: users by signed tokens, purchase tokens, lists of users."""

import base64
import datetime
import hashlib
import hmac
import itertools
import json
import subprocess
import time

import harness
from harness import eventually, sale

ADMIN_TOKEN = "0123456789abcdef-of-the-tests"
SECRET = b"a secret of the tests, 32 bytes or more"


def part(data):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(user, **more):
    return {"sub": user, "exp": int(time.time()) + 600, **more}


def hs256(user, secret=SECRET, **more):
    text = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims(user, **more))}"
    return f"{text}.{part(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)


def ed25519_keys(folder):
    openssl("genpkey", "-algorithm", "ed25519", "-out", folder / "private.pem")
    openssl("pkey", "-in", folder / "private.pem", "-pubout", "-out", folder / "public.pem")
    return folder / "private.pem", folder / "public.pem"


def eddsa(user, private_key, folder):
    text = f"{part({'alg': 'EdDSA'})}.{part(claims(user))}"
    (folder / "text").write_text(text, encoding="ascii")
    openssl("pkeyutl", "-sign", "-rawin", "-inkey", private_key, "-in", folder / "text",
            "-out", folder / "signature")
    return f"{text}.{part((folder / 'signature').read_bytes())}"


def secret_file(folder, secret=SECRET):
    (folder / "secret").write_bytes(secret + b"\n")
    return folder / "secret"


def ask(shop, method, path, token=None, body=None, **headers):
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return shop.frontend.http().request(method, path, body, headers)


def test_an_order_is_its_users_through_a_kill(pipeline, tmp_path):
    private, public = ed25519_keys(tmp_path)
    shop = pipeline([sale("demo", 5)], frontend_options={
        "auth": "jwt", "jwt_secret_files": secret_file(tmp_path), "jwt_public_key_files": public})
    ann, bob = hs256("ann"), eddsa("bob", private, tmp_path)
    placed = ask(shop, "POST", "/v1/sales/demo/orders", ann, {"quantity": 1})
    assert placed.status == 202, placed
    assert ask(shop, "POST", "/v1/sales/demo/orders", bob).status == 202
    order = placed.headers["Location"]

    def check():
        assert ask(shop, "GET", order, ann).json["user"] == "ann"
        assert ask(shop, "GET", order, bob).status == 404
        assert ask(shop, "DELETE", order, bob).status == 404
        assert ask(shop, "GET", f"{order}/events", bob).status == 404
        listed = ask(shop, "GET", "/v1/orders", bob).json["orders"]
        assert [one["user"] for one in listed] == ["bob"]
        nobody = ask(shop, "GET", order, **{"X-User-Id": "ann"})
        assert nobody.status == 401 and nobody.headers["WWW-Authenticate"] == "Bearer"

    check()
    shop.frontend.kill9()
    shop.frontend.start().wait_ready()
    check()
    eventually(lambda: sorted(row[1] for row in shop.worker.rows(where="state = 'placed'")) ==
               ["ann", "bob"], what="both orders placed, each its user's")
    assert ask(shop, "DELETE", order, ann).json["state"] == "cancelled"


def test_sluicectl_signs_tokens(pipeline, tmp_path):
    private, public = ed25519_keys(tmp_path)
    secret = secret_file(tmp_path)
    shop = pipeline([sale("demo", 5)], frontend_options={
        "auth": "jwt", "jwt_secret_files": secret, "jwt_public_key_files": public,
        "jwt_issuer": "ops", "jwt_audience": "shop"})

    def token(*words):
        done = harness.run("sluicectl", "token", "--issuer", "ops", "--audience", "shop", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    for user, *key in (("ann", "--secret-file", secret), ("张三", "--private-key-file", private)):
        placed = ask(shop, "POST", "/v1/sales/demo/orders", token("--user", user, *key))
        assert placed.status == 202, placed
    shown = json.loads(token("--user", "ann", "--secret-file", secret, "--life", "5m",
                             "-o", "json"))
    assert abs(shown["expires_at_ms"] / 1000 - time.time() - 300) < 60
    assert ask(shop, "GET", "/v1/orders", shown["token"]).json["orders"][0]["user"] == "ann"
    for words in (("--secret-file", public.parent / "none"), ("--private-key-file", public),
                  ("--secret-file", secret, "--life", "0s"), (),
                  ("--secret-file", secret, "--private-key-file", private)):
        failed = harness.run("sluicectl", "token", "--user", "ann", *words)
        assert failed.returncode != 0 and failed.stderr and not failed.stdout, words


def test_tokens_that_are_refused(pipeline, tmp_path):
    _, public = ed25519_keys(tmp_path)
    shop = pipeline([sale("demo", 5)], frontend_options={
        "auth": "jwt", "jwt_secret_files": secret_file(tmp_path), "jwt_public_key_files": public,
        "jwt_issuer": "https://id.example", "jwt_audience": "shop", "jwt_leeway": "0ms"})
    mine = {"iss": "https://id.example", "aud": ["shop"]}
    good = hs256("ann", **mine)
    head, payload, signature = good.split(".")
    bad = {
        "expired": hs256("ann", **mine, exp=int(time.time()) - 1),
        "not yet": hs256("ann", **mine, nbf=int(time.time()) + 600),
        "for ever": hs256("ann", **mine, exp=None),
        "nobody": hs256("", **mine),
        "another issuer": hs256("ann", aud="shop", iss="https://evil.example"),
        "another audience": hs256("ann", iss=mine["iss"], aud="bank"),
        "another secret": hs256("ann", b"another secret of 32 bytes or more", **mine),
        "the public key as the secret": hs256("ann", public.read_bytes(), **mine),
        "alg none": f"{part({'alg': 'none'})}.{payload}.",
        "another user": f"{head}.{part(claims('bob', **mine))}.{signature}",
        "cut": good[:-1],
    }
    for what, token in bad.items():
        reply = ask(shop, "POST", "/v1/sales/demo/orders", token)
        assert reply.status == 401 and reply.json["code"] == "invalid-token", f"{what}: {reply}"
        assert reply.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"'), what
    assert ask(shop, "GET", "/v1/sales/demo").json["available"] == 5
    assert ask(shop, "POST", "/v1/sales/demo/orders", good).status == 202
    assert SECRET.decode() not in shop.frontend.log()


def test_auth_none_is_said_at_the_start_and_wrong_keys_prevent_it(pipeline, tmp_path):
    shop = pipeline([sale("demo", 5)])
    assert any("warning" in line and "auth is none" in line for line in shop.frontend.lines)

    def start(*sets):
        return harness.run("sluice-frontend", "--config", shop.frontend.config,
                           *(word for one in ("listen=127.0.0.1:0", "admin_listen=127.0.0.1:0",
                                              f"bootstrap_servers={shop.broker.listen}", *sets)
                             for word in ("--set", one)))

    failed = start("auth=jwt")
    assert failed.returncode != 0 and "auth: jwt needs jwt_secret_files" in failed.stderr
    failed = start("auth=jwt", f"jwt_secret_files={tmp_path}/none")
    assert failed.returncode != 0
    assert f"jwt_secret_files: {tmp_path}/none: cannot be opened" in failed.stderr
    weak = secret_file(tmp_path, b"hunter2")
    failed = start("auth=jwt", f"jwt_secret_files={weak}")
    assert failed.returncode != 0 and "HS256 needs 32 or more" in failed.stderr
    assert "hunter2" not in failed.stderr


def solve(challenge):
    """The work, by its definition."""
    text, bits = challenge["challenge"], challenge["difficulty"]
    for nonce in itertools.count():
        digest = hashlib.sha256(f"{text}:{nonce}".encode()).digest()
        if int.from_bytes(digest, "big") >> (256 - bits) == 0:
            return {"challenge": text, "nonce": str(nonce)}


def purchase_token(shop, sale_name, user, work=None):
    return ask(shop, "POST", f"/v1/sales/{sale_name}/purchase-token", body=work,
               **{"X-User-Id": user})


def buy(shop, sale_name, user, token=None, key=None):
    headers = {"X-User-Id": user, **({"Sluice-Purchase-Token": token} if token else {}),
               **({"Idempotency-Key": key} if key else {})}
    reply = ask(shop, "POST", f"/v1/sales/{sale_name}/orders", **headers)
    return reply.json.get("code", reply.status)


def test_nobody_gets_a_purchase_token_before_the_start(pipeline):
    shop = pipeline([], frontend_options={"admin_token": ADMIN_TOKEN})
    starts = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)
    starts = starts.replace(microsecond=starts.microsecond // 1000 * 1000)
    made = shop.frontend.administer("POST", "/v1/sales", {
        "id": "flash", "stock": 5, "purchase_token": "required", "proof_of_work": 10,
        "starts_at": starts.isoformat(timespec="milliseconds")})
    assert made.status == 201, made
    early = purchase_token(shop, "flash", "ann")
    unknown = purchase_token(shop, "no-such-sale", "ann")
    assert early.status == 404 and early.body == unknown.body
    assert ask(shop, "GET", "/v1/sales/flash/challenge", **{"X-User-Id": "ann"}).status == 404

    def challenge():
        return ask(shop, "GET", "/v1/sales/flash/challenge", **{"X-User-Id": "ann"})

    eventually(lambda: challenge().status == 200, what="the challenge is there")
    assert datetime.datetime.now(datetime.timezone.utc) >= starts
    work = solve(challenge().json)
    assert purchase_token(shop, "flash", "ann").json["code"] == "work-required"
    assert purchase_token(shop, "flash", "bob", work).json["code"] == "work-invalid"
    token = purchase_token(shop, "flash", "ann", work).json["purchase_token"]
    assert buy(shop, "flash", "ann") == "purchase-token-required"
    assert buy(shop, "flash", "bob", token) == "purchase-token-invalid"
    assert buy(shop, "flash", "ann", token) == 202


def test_a_purchase_token_and_the_need_for_it_outlive_the_frontend(pipeline, tmp_path):
    shop = pipeline([sale("demo", 5, per_user_limit=2, purchase_token="required")],
                    frontend_options={"purchase_secret_file": secret_file(tmp_path),
                                      "purchase_token_life": "10m"})
    ann, bob = (purchase_token(shop, "demo", user).json["purchase_token"]
                for user in ("ann", "bob"))
    assert buy(shop, "demo", "ann", ann) == 202
    shop.frontend.kill9()
    shop.frontend.start().wait_ready()
    assert buy(shop, "demo", "cid") == "purchase-token-required"
    assert buy(shop, "demo", "bob", bob) == 202
    assert buy(shop, "demo", "ann") == 202  # the order of before
    assert buy(shop, "demo", "ann", key="second") == "purchase-token-required"
    assert len(shop.ledger().holding("demo")) == 2
    shown = harness.run("sluicectl", "-b", shop.broker.listen, "sale", "show", "demo", "-o", "json")
    assert json.loads(shown.stdout)["purchase_token"] == "required", shown


def test_lists_of_users(pipeline, tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "blocked").write_text("# sold them on\neve\n", encoding="utf-8")
    (folder / "club.allowed").write_text("ann\n张三\n", encoding="utf-8")
    shop = pipeline([sale("demo", 5), sale("club", 5)], frontend_options={
        "admin_token": ADMIN_TOKEN, "user_lists": folder})
    three = "张三".encode().decode("latin-1")  # header values are bytes

    def check():
        assert buy(shop, "demo", "eve") == "blocked"
        assert buy(shop, "club", "bob") == "not-allowed"
        assert (buy(shop, "club", "ann"), buy(shop, "club", three)) == (202, 202)
        assert buy(shop, "demo", "bob") == 202

    check()
    shop.frontend.kill9()
    shop.frontend.start().wait_ready()
    check()
    (folder / "blocked").write_text("bob\n", encoding="utf-8")
    reply = shop.frontend.administer("POST", "/v1/user-lists/reload")
    assert reply.status == 200 and reply.json == {"blocked": 1, "allowed": {"club": 2}}
    assert buy(shop, "demo", "eve") == 202
    assert buy(shop, "demo", "bob", key="second") == "blocked"
    (folder / "demo.alowed").touch()
    reply = shop.frontend.administer("POST", "/v1/user-lists/reload")
    assert reply.status == 409 and "demo.alowed" in reply.json["detail"]
    assert buy(shop, "demo", "bob", key="second") == "blocked"
