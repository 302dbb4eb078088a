#!/usr/bin/env bash
# Makes sure that there is a RabbitMQ to start: yours by AMQP_URL, the installed one, or the distribution's
# package. Only the program is needed; the service that the package would start is not used.
set -euo pipefail

if [ -n "${AMQP_URL:-}" ]; then
  echo 'rabbitmq: yours, by AMQP_URL'
  exit 0
fi
server=/usr/lib/rabbitmq/bin/rabbitmq-server
if [ -x "$server" ]; then
  echo "rabbitmq: installed ($server)"
  exit 0
fi
ways='Three ways out: run this as root on Debian or Ubuntu, or install the package rabbitmq-server yourself,
or set AMQP_URL to a broker of yours (tests that must kill the broker are then skipped).'
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
  printf 'rabbitmq: there is no RabbitMQ here.\n%s\n' "$ways" >&2
  exit 1
fi
echo 'rabbitmq: installing the package rabbitmq-server (about a minute)'
# The package starts a service at once unless it is told not to; ours are private nodes.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  made=yes
fi
trap '[ -z "$made" ] || rm -f "$policy"' EXIT
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends rabbitmq-server
[ -x "$server" ] || { printf 'rabbitmq: the package brought no %s.\n%s\n' "$server" "$ways" >&2; exit 1; }
