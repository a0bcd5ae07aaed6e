"""Mails by SMTP with STARTTLS and a login, taken by an independent server (aiosmtpd) and read by Python's own parser.
Usage: mail_client.py BAILIWICK"""

import email
import email.policy
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time

import grpc
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, SMTP

from python_client import Suite, generate, module

CONFIG = """
[identity.mail]
from = "Example <no-reply@example.com>"
product = "Example"
url = "https://app.example.com"

[identity.mail.smtp]
host = "localhost"
port = {port}
username = "suite"
password = "hunter2-of-the-suite"
ca_file = "{ca}"
"""


class Mailbox:
    def __init__(self):
        self.messages = []

    async def handle_DATA(self, server, session, envelope):
        assert session.ssl is not None and session.authenticated
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.messages.append((envelope.rcpt_tos, message))
        return "250 taken"

    def next(self, count):
        until = time.monotonic() + 30
        while len(self.messages) < count:
            assert time.monotonic() < until, "no mail arrived"
            time.sleep(0.02)
        return self.messages[count - 1]


class Starttls(Controller):
    def factory(self):
        return SMTP(
            self.handler, require_starttls=True, tls_context=self.tls, auth_required=True, authenticator=login)


def login(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"suite", b"hunter2-of-the-suite")
    return AuthResult(success=good)


def certificates(directory):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=directory)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test authority")
    openssl("req", *key, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=localhost")
    with open(os.path.join(directory, "extensions"), "w", encoding="utf-8") as file:
        file.write("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "extensions", "-out", "leaf.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(os.path.join(directory, "leaf.pem"), os.path.join(directory, "leaf.key"))
    return tls


def secret_of(message, page):
    text = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    found = re.search(rf"https://app\.example\.com/{page}#secret=(\S+)", text)
    assert found, text
    assert f'href="https://app.example.com/{page}#secret={found.group(1)}"' in html.replace("&#x2f;", "/"), html
    return found.group(1)


def main(bailiwick):
    with tempfile.TemporaryDirectory() as directory:
        generate(directory)
        box = Mailbox()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = Starttls(box, hostname="127.0.0.1", port=port)
        server.tls = certificates(directory)
        server.start()
        config = os.path.join(directory, "bailiwick.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(port=port, ca=os.path.join(directory, "ca.pem")))
        os.environ["BAILIWICK_CONFIG"] = config
        suite = Suite(bailiwick, directory)
        try:
            run(suite, box)
        finally:
            suite.stop()
            server.stop()
    print("mails: activation and reset, by STARTTLS with a login")


def run(suite, box):
    pb, rpc = module("identity.v1.authentication_service")
    users_pb, users_rpc = module("identity.v1.user_service")
    channel = grpc.insecure_channel(suite.endpoint)
    authentication, users = rpc.AuthenticationServiceStub(channel), users_rpc.UserServiceStub(channel)
    signed_in = authentication.SignIn(pb.SignInRequest(email="op@example.com", password=suite.password))
    bearer = [("authorization", f"Bearer {signed_in.tokens.access_token}")]
    name = "Zo\u00eb <script>alert(1)</script>"
    made = users.CreateUser(
        users_pb.CreateUserRequest(email="zoe@example.org", display_name=name), metadata=bearer).user
    authentication.SendActivation(pb.SendActivationRequest(user=made.user), metadata=bearer)
    recipients, message = box.next(1)
    assert recipients == ["zoe@example.org"], recipients
    assert message["subject"] == "Activate your Example account", message["subject"]
    assert message["to"].addresses[0].display_name == name, message["to"]
    assert message["from"].addresses[0].addr_spec == "no-reply@example.com"
    assert re.fullmatch(r"<[0-9a-f-]{36}@example\.com>", message["message-id"]), message["message-id"]
    assert "<script>" not in message.get_body(("html",)).get_content()
    authentication.Activate(
        pb.ActivateRequest(secret=secret_of(message, "activate"), password="correct horse battery staple"))
    authentication.SignIn(pb.SignInRequest(email="zoe@example.org", password="correct horse battery staple"))
    authentication.RequestPasswordReset(pb.RequestPasswordResetRequest(email="nobody@example.org"))
    authentication.RequestPasswordReset(pb.RequestPasswordResetRequest(email="ZOE@example.org"))
    recipients, message = box.next(2)
    assert recipients == ["zoe@example.org"], recipients
    secret = secret_of(message, "reset-password")
    authentication.ResetPassword(pb.ResetPasswordRequest(secret=secret, password="a password that nobody knows"))
    authentication.SignIn(pb.SignInRequest(email="zoe@example.org", password="a password that nobody knows"))
    _, message = box.next(3)
    assert message["subject"] == "Your Example password was changed", message["subject"]
    assert len(box.messages) == 3


if __name__ == "__main__":
    main(sys.argv[1])
