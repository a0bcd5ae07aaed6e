#!/bin/sh
# Installs the servers that the tests start for themselves: PostgreSQL, PgBouncer and Redis. Does nothing where they are there.
set -eu

need=
command -v redis-server >/dev/null 2>&1 || need="$need redis-server"
command -v pgbouncer >/dev/null 2>&1 || [ -x /usr/sbin/pgbouncer ] || need="$need pgbouncer"
found=
for initdb in /usr/lib/postgresql/*/bin/initdb "$(command -v initdb 2>/dev/null || true)"; do
  if [ -n "$initdb" ] && [ -x "$initdb" ]; then found=yes; fi
done
[ -n "$found" ] || need="$need postgresql"
[ -n "$need" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "missing:$need. This is no Debian: install PostgreSQL 15 or newer (with initdb and pg_ctl on the PATH), PgBouncer and Redis 7 by hand." >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "missing:$need. Run as root: sudo $0" >&2
  exit 1
fi

# The packages would start servers of their own, which no test uses.
policy=
if [ ! -e /usr/sbin/policy-rc.d ]; then
  policy=/usr/sbin/policy-rc.d
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
log=$(mktemp)
install() {
  # shellcheck disable=SC2086 # a list of packages
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $need >"$log" 2>&1
}
# The package lists may be missing or old.
if ! install && ! { apt-get update -qq >"$log" 2>&1 && install; }; then
  cat "$log" >&2
  rm -f "$log"
  echo "could not install:$need" >&2
  exit 1
fi
rm -f "$log"
