#!/usr/bin/env bash
# The checks that need another language: the protos' own linter (npm), a client in Python against a running suite, and the
# Helm chart (helm is built as a Go module). What is missing is installed into target/tools.
set -euo pipefail
cd "$(dirname "$0")/.."
tools="$PWD/target/tools"
mkdir -p "$tools"
passed=0
check() { printf -- '--- %s\n' "$1"; shift; "$@"; passed=$((passed + 1)); }

need() {
  command -v "$1" >/dev/null || { echo "\`$1\` is needed for these checks and is not installed ($2)" >&2; exit 1; }
}
need npm "Node.js 20 or newer"
need go "Go 1.24 or newer"
need python3 "Python 3.10 or newer"

"${CARGO:-cargo}" build --quiet --package bailiwick
bailiwick="$("${CARGO:-cargo}" metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/bailiwick"
if ! "$tools/python/bin/python" -c 'import grpc_tools, yaml, aiosmtpd' 2>/dev/null; then
  python3 -m venv "$tools/python"
  "$tools/python/bin/pip" install --quiet --disable-pip-version-check grpcio==1.85.1 grpcio-tools==1.85.1 pyyaml==6.0.3 \
    aiosmtpd==1.4.6
fi

# Protos.
if [ ! -x "$tools/node_modules/.bin/buf" ]; then
  npm install --silent --no-audit --no-fund --prefix "$tools" @bufbuild/buf@1
fi
buf() { (cd proto && "$tools/node_modules/.bin/buf" "$@"); }
check "buf lint" buf lint
check "buf format" buf format --diff --exit-code

# The Helm chart.
if [ ! -x "$tools/helm" ]; then
  GOBIN="$tools" GOFLAGS=-mod=mod go install helm.sh/helm/v3/cmd/helm@v3.19.0
fi
check "helm lint" "$tools/helm" lint --quiet deploy/helm/bailiwick
check "helm template" "$tools/python/bin/python" tests/deploy/check_chart.py "$tools/helm" "$bailiwick"
check "compose and image files" "$tools/python/bin/python" tests/deploy/check_compose.py "$bailiwick"

# Code for Go, as plain protoc makes it.
go_code() {
  local out
  out=$(mktemp -d)
  [ -x "$tools/protoc-gen-go" ] || GOBIN="$tools" GOFLAGS=-mod=mod go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.11
  [ -x "$tools/protoc-gen-go-grpc" ] || GOBIN="$tools" GOFLAGS=-mod=mod go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
  (cd proto && PATH="$tools:$PATH" "$tools/python/bin/python" -m grpc_tools.protoc -I. --go_out="$out" --go-grpc_out="$out" \
    $(find . -name '*.proto' | sed 's#^\./##'))
  printf 'module bailiwick\n\ngo 1.24\n' >"$out/bailiwick/go.mod"
  (cd "$out/bailiwick" && GOFLAGS=-mod=mod go build ./...)
  rm -rf "$out"
}
check "go code from the protos" go_code

# A client in Python, from the protos alone.
check "python client" "$tools/python/bin/python" tests/clients/python_client.py "$bailiwick"

# Mails, taken by another implementation of SMTP.
check "mails by SMTP" "$tools/python/bin/python" tests/clients/mail_client.py "$bailiwick"

printf '%d passed, 0 failed\n' "$passed"
