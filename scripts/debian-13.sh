#!/usr/bin/env bash
# The newer servers on a Debian 12 machine, for tests: RabbitMQ 4.0 and PostgreSQL 17, the packages of
# Debian 13 in a folder of their own outside the repository, from the mirror that this machine's apt
# uses. Needs root, for the chroot.
#
#   scripts/debian-13.sh install                   unpacks it once (about 400 MB); prints the folder
#   scripts/debian-13.sh run PROGRAM ARGS          runs a program of either with the libraries it needs
#
# AGENTLANE_TRIXIE names the folder; the default is ${XDG_CACHE_HOME:-~/.cache}/agentlane/trixie.
# AGENTLANE_TRIXIE_USER=UID:GID runs the program as somebody else; PostgreSQL refuses to run as root.
# The folders of TMPDIR are the same inside, so that a server keeps its data where the caller says.
set -euo pipefail

root="${AGENTLANE_TRIXIE:-${XDG_CACHE_HOME:-$HOME/.cache}/agentlane/trixie}"
packages="rabbitmq-server postgresql-17"
folders="usr/lib/rabbitmq/bin usr/lib/postgresql/17/bin"

mirror() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    sed -nE -e 's/^URIs: *([^ ]+).*/\1/p' -e 's/^deb (\[[^]]*\] )?([^ ]+) .*/\2/p' |
    grep -m 1 -E '/debian/?$' || true
}

is_complete() {
  [ -x "$root/usr/lib/rabbitmq/bin/rabbitmq-server" ] && [ -x "$root/usr/lib/postgresql/17/bin/postgres" ]
}

install() {
  mkdir -p "$(dirname "$root")"
  # Tests that start together install once.
  exec 9>"$root.lock"
  flock 9
  if is_complete; then
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
  rm -rf "$root.part"
  debootstrap --variant=minbase trixie "$root.part" "$from" >&2
  # Nothing may start while it is unpacked, neither a broker nor an epmd, and no cluster is made.
  printf '#!/bin/sh\nexit 101\n' >"$root.part/usr/sbin/policy-rc.d"
  chmod +x "$root.part/usr/sbin/policy-rc.d"
  mkdir -p "$root.part/etc/postgresql-common"
  echo "create_main_cluster = false" >"$root.part/etc/postgresql-common/createcluster.conf"
  # shellcheck disable=SC2086 # a list
  chroot "$root.part" /usr/bin/env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $packages >&2
  rm -rf "$root"
  mv "$root.part" "$root"
  echo "$root"
}

run() {
  local program="$1" folder path=""
  shift
  for folder in $folders; do
    [ ! -x "$root/$folder/$program" ] || path="/$folder/$program"
  done
  [ -n "$path" ] || { echo "$program is not in $root; run scripts/debian-13.sh install" >&2; exit 1; }
  # A mount namespace of its own: what is mounted here ends with the process.
  exec unshare --mount --propagation private bash -c '
    set -e
    mkdir -p "$1$2"
    mount --bind "$2" "$1$2"
    mount --rbind /dev "$1/dev"
    mount --bind /proc "$1/proc"
    root="$1"; user="$3"; program="$4"; shift 4
    exec chroot ${user:+--userspec="$user"} "$root" "$program" "$@"
  ' - "$root" "${TMPDIR:-/tmp}" "${AGENTLANE_TRIXIE_USER:-}" "$path" "$@"
}

case "${1:-}" in
install) install ;;
run)
  shift
  run "$@"
  ;;
*)
  sed -nE '2,12s/^# ?//p' "$0"
  exit 2
  ;;
esac
