"""Checks the compose file and the image's recipe without a container engine. Usage: check_compose.py BAILIWICK"""

import os
import re
import subprocess
import sys
import tempfile

import yaml

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
SERVICES = ["identity", "tenancy", "authorization"]


def check_tls(compose):
    """The file that is laid over the first gives every service its certificate, and no peer stays in plain text."""
    with open(os.path.join(ROOT, "deploy", "compose.tls.yml"), encoding="utf-8") as file:
        over = yaml.safe_load(file)
    assert set(over["services"]) == set(SERVICES)
    for name, service in over["services"].items():
        environment = {**compose["services"][name]["environment"], **service["environment"]}
        peers = [v for k, v in environment.items() if k in {f"BAILIWICK__PEERS__{s.upper()}" for s in SERVICES}]
        assert len(peers) == 3 and all(peer.startswith("https://") for peer in peers), name
        paths = {v.removeprefix("/run/secrets/") for v in service["environment"].values() if v.startswith("/run/")}
        assert paths == set(service["secrets"]) == set(over["secrets"]), name


def check_ignored():
    """What must not be committed, nor sent to the builder of the image."""
    for name in [".gitignore", ".dockerignore"]:
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            ignored = set(file.read().split())
        wanted = {"secrets/", "bailiwick-data/", "*.db", "*.key", "*.pem", "operator-password", ".env"}
        assert wanted <= {line.removeprefix("**/") for line in ignored}, f"{name} lacks {wanted - ignored}"


def accepted(bailiwick, environment):
    """Whether `bailiwick` takes these variables, and prints no secret of them."""
    with tempfile.TemporaryDirectory() as directory:
        secret = os.path.join(directory, "secret")
        with open(secret, "w", encoding="utf-8") as file:
            file.write("s" * 64 + "\n")
        url = os.path.join(directory, "url")
        with open(url, "w", encoding="utf-8") as file:
            file.write("redis://:" + "s" * 64 + "@redis:6379")
        os.chmod(secret, 0o600)
        keys = os.path.join(directory, "keys")
        subprocess.run([bailiwick, "keys", "generate", "--to", keys], check=True, capture_output=True)
        for key, value in environment.items():
            if key.startswith("BAILIWICK__INTERNAL__"):
                name = value.removeprefix("/run/secrets/").replace("_key", ".key").replace("_public", ".pub")
                environment[key] = os.path.join(keys, name)
            elif value.startswith("/run/secrets/"):
                environment[key] = url if "REDIS" in key else secret
        command = [bailiwick, "config", "check", "--data-dir", directory]
        done = subprocess.run(command, capture_output=True, text=True, env={"PATH": os.environ["PATH"], **environment})
        assert done.returncode == 0, f"the compose file's configuration is refused:\n{done.stderr}"
        assert "s" * 64 not in done.stdout + done.stderr, "a secret was printed"


def main(bailiwick):
    with open(os.path.join(ROOT, "docker-compose.yml"), encoding="utf-8") as file:
        compose = yaml.safe_load(file)
    services = compose["services"]
    assert set(services) == {"postgres", "redis", "migrate", "operator", *SERVICES}
    assert services["operator"]["profiles"], "an operator is made when it is asked for"
    for name, service in services.items():
        paths = re.findall(r"/run/secrets/(\w+)", str([service.get("command"), service.get("environment")]))
        missing = set(paths) - set(service.get("secrets", []))
        assert not missing, f"{name} names secrets that it does not get: {missing}"
    for name in ["migrate", "operator", *SERVICES]:
        assert services[name]["read_only"] and services[name]["tmpfs"] == ["/tmp"], name
    for name in SERVICES:
        sealed = "BAILIWICK__IDENTITY__KEY_ENCRYPTION_SECRET__FILE" in services[name]["environment"]
        assert sealed == (name == "identity"), name
    for name in ["migrate", "operator", *SERVICES]:
        private = {secret for secret in services[name]["secrets"] if secret in {f"{s}_key" for s in SERVICES}}
        assert private == ({f"{name}_key"} if name in SERVICES else set()), f"{name} has private keys: {private}"
    for name in SERVICES:
        environment = services[name]["environment"]
        internal = environment["BAILIWICK__SERVER__INTERNAL_LISTEN"].rpartition(":")[2]
        assert not any(port.endswith(f":{internal}") for port in services[name]["ports"]), f"{name} publishes {internal}"
        peers = [environment[f"BAILIWICK__PEERS__{s.upper()}"] for s in SERVICES]
        assert all(peer.endswith(f":{internal}") for peer in peers), peers
    check_tls(compose)
    check_ignored()
    for name in SERVICES:
        assert services[name]["command"] == ["serve", name]
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    known = set(compose["secrets"])
    used = {s for service in services.values() for s in service.get("secrets", [])}
    assert used == known, f"secrets declared {known}, used {used}"

    # Only the migration has the password of the role that owns the schema; nobody has the administrator's.
    for name in ["migrate", "operator", *SERVICES]:
        secrets = services[name]["secrets"]
        assert "postgres_password" not in secrets, name
        owns = any("OWNER" in k.upper() or "DIRECT" in k for k in services[name]["environment"])
        assert ("database_owner_password" in secrets) == owns == (name == "migrate"), name
    assert services["postgres"]["environment"]["POSTGRES_USER"] == "postgres", "the services' role must be no superuser"

    started = " ".join(services["redis"]["command"])
    assert services["redis"]["user"] == "redis", "the image runs other commands as root"
    assert "requirepass" in started and services["redis"]["secrets"] == ["redis_password"], "Redis needs a password"

    for name in [*SERVICES, "migrate"]:
        accepted(bailiwick, dict(services[name]["environment"]))

    with open(os.path.join(ROOT, "deploy", "Dockerfile"), encoding="utf-8") as file:
        recipe = file.read()
    assert re.search(r"^USER 65532", recipe, re.M), "the image must not run as root"
    for variable in re.findall(r"(BAILIWICK__\w+)=(\S+)", recipe):
        with tempfile.TemporaryDirectory() as directory:
            env = {"PATH": os.environ["PATH"], variable[0]: variable[1]}
            if variable[0] != "BAILIWICK__DATA_DIR":
                env["BAILIWICK__DATA_DIR"] = directory
            done = subprocess.run([bailiwick, "config", "check"], capture_output=True, text=True, env=env, cwd=directory)
        assert done.returncode == 0, f"{variable[0]} of the image is refused:\n{done.stderr}"
    with open(os.path.join(ROOT, "deploy", "postgres-init.sql"), encoding="utf-8") as file:
        script = file.read()
    created = re.findall(r'CREATE DATABASE "?(\w+)"? OWNER bailiwick_owner;', script)
    assert sorted(created) == sorted(SERVICES)
    roles = re.findall(r"CREATE ROLE (\w+) LOGIN NOSUPERUSER NOBYPASSRLS", script)
    assert sorted(roles) == ["bailiwick", "bailiwick_owner"], roles
    print("compose file, image recipe and database script checked")


if __name__ == "__main__":
    main(*sys.argv[1:])
