"""A client in Python made from the protos alone: starts a suite in a temporary directory, sets up a product and an account,
and asks decisions as an internal service would. Usage: python_client.py BAILIWICK"""

import importlib
import os
import re
import subprocess
import sys
import tempfile
import urllib.request

import grpc
from grpc_tools import protoc

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


def generate(directory):
    protos = []
    for folder, _, names in os.walk(os.path.join(ROOT, "proto", "bailiwick")):
        protos += [os.path.join(folder, name) for name in names if name.endswith(".proto")]
    include = os.path.join(os.path.dirname(importlib.import_module("grpc_tools").__file__), "_proto")
    arguments = ["", f"-I{ROOT}/proto", f"-I{include}", f"--python_out={directory}", f"--grpc_python_out={directory}"]
    assert protoc.main(arguments + protos) == 0, "the protos do not compile"
    sys.path.insert(0, directory)


def module(name):
    return importlib.import_module(f"bailiwick.{name}_pb2"), importlib.import_module(f"bailiwick.{name}_pb2_grpc")


class Suite:
    """A suite of its own; it ends with this object."""

    def __init__(self, bailiwick, directory):
        secret = os.path.join(directory, "operator-password")
        data = os.path.join(directory, "data")
        subprocess.run(
            [bailiwick, "operator", "create", "--email", "op@example.com", "--password-out", secret, "--data-dir", data],
            check=True, capture_output=True)
        assert os.stat(secret).st_mode & 0o777 == 0o600
        with open(secret, encoding="utf-8") as file:
            self.password = file.read().strip()
        self.process = subprocess.Popen(
            [bailiwick, "serve", "--data-dir", data, "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, text=True)
        self.endpoint, self.http = None, None
        for line in self.process.stdout:
            found = re.search(r"grpc://(\S+)", line)
            self.endpoint = found.group(1) if found else self.endpoint
            found = re.search(r"(http://\S+)", line)
            self.http = found.group(1) if found else self.http
            if self.endpoint and self.http:
                break
        assert self.endpoint, "the suite did not say where it listens"

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0, "the suite did not stop cleanly"


class Caller:
    """Calls with credentials and the newest consistency token."""

    def __init__(self, channel, access_token=None):
        self.channel, self.access_token, self.token = channel, access_token, ""

    def call(self, stub, method, request):
        metadata = []
        if self.access_token:
            metadata.append(("authorization", f"Bearer {self.access_token}"))
        if self.token:
            metadata.append(("bailiwick-token", self.token))
        answer = getattr(stub(self.channel), method)(request, metadata=metadata, timeout=10)
        if "token" in answer.DESCRIPTOR.fields_by_name:
            self.token = answer.token
        return answer


def refused(expected, function, *arguments):
    try:
        function(*arguments)
    except grpc.RpcError as error:
        assert error.code() == expected, f"expected {expected}, came {error.code()}: {error.details()}"
        return error
    raise AssertionError(f"expected {expected}, came OK")


def main(bailiwick):
    with tempfile.TemporaryDirectory() as directory:
        generate(directory)
        suite = Suite(bailiwick, directory)
        try:
            talk(suite)
        finally:
            suite.stop()


def talk(suite):
    auth, auth_rpc = module("identity.v1.authentication_service")
    users, users_rpc = module("identity.v1.user_service")
    services, services_rpc = module("identity.v1.service_account_service")
    tokens, tokens_rpc = module("identity.v1.token_service")
    accounts, accounts_rpc = module("tenancy.v1.account_service")
    instances, instances_rpc = module("tenancy.v1.instance_service")
    products, products_rpc = module("authorization.v1.product_service")
    members, members_rpc = module("authorization.v1.member_service")
    bindings, bindings_rpc = module("authorization.v1.binding_service")
    decisions, decisions_rpc = module("authorization.v1.decision_service")
    answers, _ = module("authorization.v1.decision")

    channel = grpc.insecure_channel(suite.endpoint)
    signed_in = Caller(channel).call(
        auth_rpc.AuthenticationServiceStub, "SignIn", auth.SignInRequest(email="op@example.com", password=suite.password))
    operator = Caller(channel, signed_in.tokens.access_token)

    with open(os.path.join(ROOT, "products", "one-question.yaml"), encoding="utf-8") as file:
        applied = operator.call(
            products_rpc.ProductServiceStub, "ApplyProduct", products.ApplyProductRequest(manifest=file.read()))
    assert applied.product.product == "one-question"
    account = operator.call(
        accounts_rpc.AccountServiceStub, "CreateAccount",
        accounts.CreateAccountRequest(product="one-question", title="Hotel")).account.account
    instance = operator.call(
        instances_rpc.InstanceServiceStub, "CreateInstance",
        instances.CreateInstanceRequest(account=account, title="Sales", edition="chs")).instance.instance
    user = operator.call(
        users_rpc.UserServiceStub, "CreateUser",
        users.CreateUserRequest(email="sue@example.com", password="a password of some length")).user.user
    operator.call(members_rpc.MemberServiceStub, "CreateMember", members.CreateMemberRequest(account=account, user=user))
    operator.call(
        bindings_rpc.BindingServiceStub, "AssignRole",
        bindings.AssignRoleRequest(
            account=account, subject=f"user:{user}", role="supervisor", scope=f"instance:{instance}"))

    made = operator.call(
        services_rpc.ServiceAccountServiceStub, "CreateServiceAccount",
        services.CreateServiceAccountRequest(title="surveys", scope="product:one-question", role="service"))
    issued = Caller(channel).call(
        tokens_rpc.TokenServiceStub, "IssueToken",
        tokens.IssueTokenRequest(client_id=made.service_account.service_account, client_secret=made.secret))
    service = Caller(channel, issued.access_token)
    service.token = operator.token

    def check(permission):
        request = decisions.CheckRequest(
            account=account, subject=f"user:{user}", permission=permission, target=f"instance:{instance}")
        return service.call(decisions_rpc.DecisionServiceStub, "Check", request)

    assert check("survey.create").decision == answers.DECISION_ALLOW
    denied = check("user.invite")
    assert denied.decision == answers.DECISION_DENY and denied.reason == answers.DECISION_REASON_NO_ENTRY
    refused(grpc.StatusCode.INVALID_ARGUMENT, check, "survey.fly")
    refused(
        grpc.StatusCode.PERMISSION_DENIED, service.call, accounts_rpc.AccountServiceStub, "CreateAccount",
        accounts.CreateAccountRequest(product="one-question", title="Not mine to make"))
    refused(
        grpc.StatusCode.UNAUTHENTICATED, Caller(channel).call, decisions_rpc.DecisionServiceStub, "Check",
        decisions.CheckRequest(account=account))
    with urllib.request.urlopen(f"{suite.http}/.well-known/jwks.json", timeout=10) as answer:
        assert b'"keys"' in answer.read()
    print("signed in, set up, asked: the decisions are right")


if __name__ == "__main__":
    main(*sys.argv[1:])
