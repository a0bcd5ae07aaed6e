"""Checks the compose file and the image's recipe without a container engine. Usage: check_compose.py BAILIWICK"""

import os
import re
import subprocess
import sys
import tempfile

import yaml

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
SERVICES = ["identity", "tenancy", "authorization"]


def main(bailiwick):
    with open(os.path.join(ROOT, "docker-compose.yml"), encoding="utf-8") as file:
        compose = yaml.safe_load(file)
    services = compose["services"]
    assert set(services) == {"postgres", "redis", "migrate", *SERVICES}
    for name in SERVICES:
        assert services[name]["command"] == ["serve", name]
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    known = set(compose["secrets"])
    used = {s for service in services.values() for s in service.get("secrets", [])}
    assert used == known, f"secrets declared {known}, used {used}"

    started = " ".join(services["redis"]["command"])
    assert "requirepass" in started and services["redis"]["secrets"] == ["redis_password"], "Redis needs a password"

    environment = dict(services["identity"]["environment"])
    with tempfile.TemporaryDirectory() as directory:
        secret = os.path.join(directory, "secret")
        with open(secret, "w", encoding="utf-8") as file:
            file.write("s" * 64 + "\n")
        url = os.path.join(directory, "url")
        with open(url, "w", encoding="utf-8") as file:
            file.write("redis://:" + "s" * 64 + "@redis:6379")
        os.chmod(secret, 0o600)
        for key, value in environment.items():
            if value.startswith("/run/secrets/"):
                environment[key] = url if "REDIS" in key else secret
        command = [bailiwick, "config", "check", "--data-dir", directory]
        done = subprocess.run(command, capture_output=True, text=True, env={"PATH": os.environ["PATH"], **environment})
        assert done.returncode == 0, f"the compose file's configuration is refused:\n{done.stderr}"
        assert "s" * 64 not in done.stdout + done.stderr, "a secret was printed"

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
        created = re.findall(r'CREATE DATABASE "?(\w+)"?;', file.read())
    assert sorted(created) == sorted(SERVICES)
    print("compose file, image recipe and database script checked")


if __name__ == "__main__":
    main(*sys.argv[1:])
