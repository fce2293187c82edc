#!/usr/bin/env bash
# RabbitMQ 4.x on a Debian 12 machine, for tests: the packages of Debian 13 in a folder of their own
# outside the repository, from the mirror that this machine's apt uses. Needs root, for the chroot.
#
#   scripts/rabbitmq-4.sh install            unpacks it once (about 250 MB); prints the folder
#   scripts/rabbitmq-4.sh run COMMAND ARGS   runs a command of its rabbitmq/bin, with its own Erlang
#
# AGENTLANE_TRIXIE names the folder; the default is ${XDG_CACHE_HOME:-~/.cache}/agentlane/trixie.
# The folders of TMPDIR are the same inside, so that a node keeps its data where the caller says.
set -euo pipefail

root="${AGENTLANE_TRIXIE:-${XDG_CACHE_HOME:-$HOME/.cache}/agentlane/trixie}"
packages="rabbitmq-server"

mirror() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    sed -nE -e 's/^URIs: *([^ ]+).*/\1/p' -e 's/^deb (\[[^]]*\] )?([^ ]+) .*/\2/p' |
    grep -m 1 -E '/debian/?$' || true
}

install() {
  if [ -x "$root/usr/lib/rabbitmq/bin/rabbitmq-server" ]; then
    echo "$root"
    return
  fi
  [ "$(id -u)" -eq 0 ] || { echo "root is needed, for debootstrap and chroot" >&2; exit 1; }
  command -v debootstrap >/dev/null || {
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap
  } >&2
  local from
  from="$(mirror)"
  [ -n "$from" ] || { echo "no Debian mirror in the sources of apt" >&2; exit 1; }
  mkdir -p "$(dirname "$root")"
  rm -rf "$root.part"
  # Nothing may start while it is unpacked, neither a broker nor an epmd.
  debootstrap --variant=minbase trixie "$root.part" "$from" >&2
  printf '#!/bin/sh\nexit 101\n' >"$root.part/usr/sbin/policy-rc.d"
  chmod +x "$root.part/usr/sbin/policy-rc.d"
  chroot "$root.part" /usr/bin/env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$packages" >&2
  mv "$root.part" "$root"
  echo "$root"
}

run() {
  local command="$1"
  shift
  local temporary="${TMPDIR:-/tmp}"
  # A mount namespace of its own: what is mounted here ends with the process.
  exec unshare --mount --propagation private bash -c '
    set -e
    mkdir -p "$1$2"
    mount --bind "$2" "$1$2"
    mount --bind /dev "$1/dev"
    mount --bind /proc "$1/proc"
    root="$1"; command="$3"; shift 3
    exec chroot "$root" "/usr/lib/rabbitmq/bin/$command" "$@"
  ' - "$root" "$temporary" "$command" "$@"
}

case "${1:-}" in
install) install ;;
run)
  shift
  run "$@"
  ;;
*)
  sed -nE '2,9s/^# ?//p' "$0"
  exit 2
  ;;
esac
