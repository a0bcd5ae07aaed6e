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
    return [doc for doc in yaml.load_all(done.stdout, Loader=Once) if doc]


def of_kind(documents, kind):
    return {doc["metadata"]["name"]: doc for doc in documents if doc["kind"] == kind}


def check_pod(name, pod):
    assert pod["securityContext"]["runAsNonRoot"] is True, name
    for container in pod["containers"] + pod["initContainers"]:
        locked = container["securityContext"]
        assert locked["readOnlyRootFilesystem"] and not locked["allowPrivilegeEscalation"], name
        for variable in container["env"]:
            path = variable["name"].endswith("_FILE") and variable.get("value", "").startswith("/etc/bailiwick/")
            assert path or "value" not in variable, f"{name}: {variable['name']} is a secret and must come from one"
    [migrate] = pod["initContainers"]
    [server] = pod["containers"]
    assert migrate["args"] == ["migrate", name] and server["args"] == ["serve", name], name
    # The role that owns the schema is the migration's alone.
    direct = f"BAILIWICK__DATABASE__{name.upper()}__DIRECT_URL"
    [owner] = [v["valueFrom"]["secretKeyRef"] for v in migrate["env"] if v["name"] == direct]
    assert owner == {"name": "bailiwick-migrations", "key": name}, name
    assert direct not in {v["name"] for v in server["env"]}, name
    assert {port["name"] for port in server["ports"]} == {"grpc", "internal", "http", "health"}, name
    [keys] = [v["secret"] for v in pod["volumes"] if v["name"] == "internal"]
    given = {item["path"] for item in keys["items"]}
    assert given == {f"{name}.key"} | {f"{s}.pub" for s in SERVICES}, f"{name} has a private key of another: {given}"
    # Whether a pod lives must not depend on others; only readiness does.
    for probe, path in [("startupProbe", "/healthz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")]:
        assert server[probe]["httpGet"] == {"path": path, "port": "health"}, f"{name}: {probe}"
    volumes = {volume["name"] for volume in pod["volumes"]}
    for container in (migrate, server):
        mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert {"/tmp", "/var/lib/bailiwick"} <= set(mounted), f"{name}: the root is read-only"
        assert set(mounted.values()) <= volumes, name
    encrypted = [v["name"] for v in server["env"] if v["name"] == "BAILIWICK__IDENTITY__KEY_ENCRYPTION_SECRET"]
    assert bool(encrypted) == (name == "identity"), name


class Once(yaml.SafeLoader):
    """Refuses a key that stands twice, as a cluster does."""


def once(loader, node, deep=False):
    keys = [loader.construct_object(key, deep=deep) for key, _ in node.value]
    assert len(keys) == len(set(keys)), f"a key stands twice: {sorted(keys)}"
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


Once.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, once)


def check_policy(name, policy, selector):
    """Only pods of the release reach the internal listener; everybody reaches the others."""
    assert policy["podSelector"]["matchLabels"] == selector and policy["policyTypes"] == ["Ingress"], name
    reached = {port["port"]: rule.get("from") for rule in policy["ingress"] for port in rule["ports"]}
    peers = {"app.kubernetes.io/part-of": "bailiwick", "app.kubernetes.io/instance": "suite"}
    assert reached == {
        "grpc": None, "http": None, "health": None, "internal": [{"podSelector": {"matchLabels": peers}}]}, name


def check_tls(helm, bailiwick):
    documents = render(helm, "--set", "tls.server=certs,tls.redis=redis-ca,secrets.redis=redis")
    [config] = of_kind(documents, "ConfigMap").values()
    peers = {k: v for k, v in config["data"].items() if k.startswith("BAILIWICK__PEERS__") and v.startswith("http")}
    assert len(peers) == 3 and all(v.startswith("https://") for v in peers.values()), peers
    for name, deployment in of_kind(documents, "Deployment").items():
        pod = deployment["spec"]["template"]["spec"]
        [server] = pod["containers"]
        mounted = {mount["mountPath"] for mount in server["volumeMounts"]}
        assert "/etc/bailiwick/tls" in mounted, name
        assert ("/etc/bailiwick/redis" in mounted) == name.endswith("authorization"), name
        assert server["readinessProbe"]["httpGet"]["port"] == "health", "probes speak no TLS"
    accepted(bailiwick, config["data"])


def accepted(bailiwick, variables):
    """Whether `bailiwick` takes these variables: an unknown key is refused. Keys are such as it generates itself."""
    environment = {"PATH": os.environ["PATH"], **variables}
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([bailiwick, "keys", "generate", "--to", f"{directory}/keys"], check=True, capture_output=True)
        for name, value in variables.items():
            environment[name] = value.replace("/etc/bailiwick/internal/", f"{directory}/keys/")
        command = [bailiwick, "config", "check", "--data-dir", directory]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"the chart's configuration is refused:\n{done.stderr}"


def main(helm, bailiwick):
    documents = render(helm, "--set", "secrets.redis=redis")
    deployments = of_kind(documents, "Deployment")
    services = of_kind(documents, "Service")
    policies = of_kind(documents, "NetworkPolicy")
    assert sorted(deployments) == [f"suite-{s}" for s in SERVICES]
    assert sorted(services) == sorted(n for s in SERVICES for n in (f"suite-{s}", f"suite-{s}-peers"))
    for service in SERVICES:
        reached = services[f"suite-{service}-peers"]["spec"]
        assert [port["targetPort"] for port in reached["ports"]] == ["internal"], service
        public = {port["targetPort"] for port in services[f"suite-{service}"]["spec"]["ports"]}
        assert "internal" not in public, f"{service}: clients reach the internal listener"
        check_policy(service, policies[f"suite-{service}"]["spec"], reached["selector"])
        assert reached["publishNotReadyAddresses"] and reached["selector"] == services[f"suite-{service}"]["spec"]["selector"]
    [config] = of_kind(documents, "ConfigMap").values()
    for service in SERVICES:
        deployment = deployments[f"suite-{service}"]
        pod = deployment["spec"]["template"]
        check_pod(service, pod["spec"])
        selector = services[f"suite-{service}"]["spec"]["selector"]
        assert selector.items() <= pod["metadata"]["labels"].items(), f"{service}: the Service selects nothing"
        variables = pod["spec"]["containers"][0]["env"]
        secret = {v["name"] for v in variables if "value" not in v}
        other = [s for s in SERVICES if s != service]
        assert not any(s.upper() in name for s in other for name in secret), f"{service} sees another's database"
        assert "BAILIWICK__INTEGRITY__SECRET" in secret, f"{service} cannot read tokens of the others"
        assert config["data"][f"BAILIWICK__PEERS__{service.upper()}"].endswith(":7610"), "peers are at the internal listener"
        stand_in = {"BAILIWICK__INTEGRITY__SECRET": "i" * 64}
        stand_in["BAILIWICK__INTEGRITY__PREVIOUS_SECRET"] = "p" * 64
        for name in secret - set(stand_in):
            stand_in[name] = "redis://:password@redis:6379" if "REDIS" in name else "postgres://u:p@db/d"
            if "KEY_ENCRYPTION" in name:
                stand_in[name] = "e" * 32
        paths = {v["name"]: v["value"] for v in variables if "value" in v}
        accepted(bailiwick, {**config["data"], **paths, **stand_in})
    assert not any("REDIS" in str(d) for d in render(helm) if d["kind"] == "Deployment"), "no Redis unless named"
    assert not of_kind(render(helm, "--set", "networkPolicy.enabled=false"), "NetworkPolicy")
    check_tls(helm, bailiwick)
    own = render(helm, "--set", "config.BAILIWICK__SERVER__LISTEN=0.0.0.0:1")
    [config] = of_kind(own, "ConfigMap").values()
    assert config["data"]["BAILIWICK__SERVER__LISTEN"] == "0.0.0.0:1", "what is configured takes the chart's place"
    pooled = render(helm, "--set", "secrets.direct=past,secrets.migrations=")
    for pod in of_kind(pooled, "Deployment").values():
        for containers in ("containers", "initContainers"):
            [container] = pod["spec"]["template"]["spec"][containers]
            [direct] = [v for v in container["env"] if v["name"].endswith("__DIRECT_URL")]
            assert direct["valueFrom"]["secretKeyRef"]["name"] == "past"
    refused = subprocess.run([helm, "template", "s", CHART, "--set", "replicas=3"], capture_output=True, text=True)
    assert refused.returncode != 0 and "replicas" in refused.stderr, "an unknown value must be refused"
    print(f"{len(documents)} documents rendered and checked")


if __name__ == "__main__":
    main(*sys.argv[1:])
