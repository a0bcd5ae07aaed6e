"""Renders the Helm chart and checks what a cluster would be told: probes, ports, secrets, users, and that every variable
is one that `bailiwick` accepts. Usage: check_chart.py HELM BAILIWICK"""

import os
import subprocess
import sys
import tempfile

import yaml

CHART = os.path.join(os.path.dirname(__file__), "..", "..", "deploy", "helm", "bailiwick")
SERVICES = ["authorization", "identity", "tenancy"]


def render(helm, *options):
    command = [helm, "template", "suite", CHART, "--kube-version", "1.31.0", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"helm template {' '.join(options)} failed:\n{done.stderr}")
    return [doc for doc in yaml.safe_load_all(done.stdout) if doc]


def of_kind(documents, kind):
    return {doc["metadata"]["name"]: doc for doc in documents if doc["kind"] == kind}


def check_pod(name, pod):
    assert pod["securityContext"]["runAsNonRoot"] is True, name
    for container in pod["containers"] + pod["initContainers"]:
        locked = container["securityContext"]
        assert locked["readOnlyRootFilesystem"] and not locked["allowPrivilegeEscalation"], name
        for variable in container["env"]:
            assert "value" not in variable, f"{name}: {variable['name']} is a secret and must come from one"
    [migrate] = pod["initContainers"]
    [server] = pod["containers"]
    assert migrate["args"] == ["migrate", name] and server["args"] == ["serve", name], name
    assert {port["name"] for port in server["ports"]} == {"grpc", "http"}, name
    grpc_port = next(p["containerPort"] for p in server["ports"] if p["name"] == "grpc")
    for probe in ("startupProbe", "readinessProbe"):
        assert server[probe]["grpc"]["port"] == grpc_port, f"{name}: {probe}"
    assert server["livenessProbe"]["httpGet"]["path"] == "/healthz", name


def accepted(bailiwick, variables):
    """Whether `bailiwick` takes these variables: an unknown key is refused."""
    environment = {"PATH": os.environ["PATH"], **variables}
    with tempfile.TemporaryDirectory() as directory:
        command = [bailiwick, "config", "check", "--data-dir", directory]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"the chart's configuration is refused:\n{done.stderr}"


def main(helm, bailiwick):
    documents = render(helm, "--set", "secrets.redis=redis", "--set", "secrets.integrity=integrity")
    deployments = of_kind(documents, "Deployment")
    services = of_kind(documents, "Service")
    assert sorted(deployments) == [f"suite-{s}" for s in SERVICES] == sorted(services)
    [config] = of_kind(documents, "ConfigMap").values()
    for service in SERVICES:
        deployment = deployments[f"suite-{service}"]
        pod = deployment["spec"]["template"]
        check_pod(service, pod["spec"])
        selector = services[f"suite-{service}"]["spec"]["selector"]
        assert selector.items() <= pod["metadata"]["labels"].items(), f"{service}: the Service selects nothing"
        secret = {v["name"] for v in pod["spec"]["containers"][0]["env"]}
        other = [s for s in SERVICES if s != service]
        assert not any(s.upper() in name for s in other for name in secret), f"{service} sees another's database"
        assert "BAILIWICK__INTEGRITY__SECRET" in secret, f"{service} cannot read tokens of the others"
        stand_in = {"BAILIWICK__INTERNAL__KEY": "k" * 64, "BAILIWICK__INTEGRITY__SECRET": "i" * 64}
        stand_in["BAILIWICK__INTEGRITY__PREVIOUS_SECRET"] = "p" * 64
        for name in secret - set(stand_in):
            stand_in[name] = "redis://:password@redis:6379" if "REDIS" in name else "postgres://u:p@db/d"
        accepted(bailiwick, {**config["data"], **stand_in})
    assert not any("REDIS" in str(d) for d in render(helm) if d["kind"] == "Deployment"), "no Redis unless named"
    refused = subprocess.run([helm, "template", "s", CHART, "--set", "replicas=3"], capture_output=True, text=True)
    assert refused.returncode != 0 and "replicas" in refused.stderr, "an unknown value must be refused"
    print(f"{len(documents)} documents rendered and checked")


if __name__ == "__main__":
    main(*sys.argv[1:])
