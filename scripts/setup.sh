#!/bin/sh
# Makes the machine ready: Debian packages through apt, npm packages, Bun. Quick when nothing is
# missing. In sh, since it runs before there is anything else.
#   setup.sh [demo|test|dev|prebuild]   demo: build and run (the default); test: also what `make
#                              test` needs; dev: also what tidy and fuzz need; prebuild: what
#                              making and testing the binaries of the package needs
set -eu
cd "$(dirname "$0")/.."
level=${1:-demo}

stop() {
  echo "setup: $1" >&2
  exit 1
}

has() {
  command -v "$1" >/dev/null 2>&1
}

has_library() {
  has pkg-config && pkg-config --exists "$1"
}

# Whether there is a C compiler that finds the C library's headers.
compiles() {
  echo '#include <stdint.h>' | ${CC:-cc} -fsyntax-only -x c - 2>/dev/null
}

# --------------------------------------------------------------- Node.js, npm
has node || stop "Node.js 20 or later is needed; install it first, see https://nodejs.org/."
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' ||
  stop "Node.js 20 or later is needed; this is $(node --version)."
has npm || stop "npm is needed; install it first."

# ------------------------------------------------------------ Debian packages
debian=""
need() { # package, then a command that succeeds when there is no need
  package=$1
  shift
  "$@" || debian="$debian $package"
}
need pkg-config has pkg-config
need make has make
need "gcc libc6-dev" compiles
need python3 has python3
need liblmdb-dev has_library lmdb
need libcjson-dev has_library libcjson
need liblz4-dev has_library liblz4
has_library msgpack-c || need libmsgpack-dev has_library msgpack
case $level in test | dev | prebuild)
  need libcmocka-dev has_library cmocka
  need lmdb-utils has mdb_dump
  need lz4 has lz4
  need binutils has nm
  ;;
esac
case $level in dev)
  need clang has clang
  need clang-tidy has clang-tidy
  ;;
esac

case $level in prebuild)
  need gcc-x86-64-linux-gnu has x86_64-linux-gnu-gcc
  need gcc-aarch64-linux-gnu has aarch64-linux-gnu-gcc
  need dpkg-dev has dpkg-source
  need g++ has x86_64-linux-gnu-g++
  need patch has patch
  need qemu-user has qemu-aarch64
  ;;
esac

# --------------------------------------------------------------- npm packages
npm=""
cmp -s package-lock.json node_modules/.setup-lock.json || npm="the npm packages of package-lock.json"

# ----------------------------------------------- say it in one line, and do it
as_root=""
if [ -n "$debian" ]; then
  has apt-get || stop "without apt-get, install what corresponds to these Debian packages:$debian."
  if [ "$(id -u)" != 0 ]; then
    as_root="sudo -n"
    has sudo && sudo -n true 2>/dev/null ||
      stop "neither root nor passwordless sudo; run this, then try again: sudo apt-get install$debian"
  fi
fi

if [ -n "$debian$npm" ]; then
  echo "setup: installing${debian:+ the Debian packages$debian}${debian:+${npm:+ and}}${npm:+ $npm}"
fi

if [ -n "$debian" ]; then
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  {
    # Package lists may be old or absent; a mirror that fails here may still have the packages.
    $as_root apt-get -q update || true
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $debian
  } >"$log" 2>&1 </dev/null || {
    tail -n 20 "$log" >&2
    stop "apt-get could not install$debian; see above."
  }
fi

if [ -n "$npm" ]; then
  # Without scripts: ours is `make build`, and what Bun's does stands below, so that it makes no
  # difference which scripts this npm allows.
  npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null ||
    stop "npm ci failed; see above."
  cp package-lock.json node_modules/.setup-lock.json
fi

# The npm package has one Bun per kind of processor; its own script picks the one that runs here.
node_modules/.bin/bun --version >/dev/null 2>&1 || (cd node_modules/bun && node install.js) ||
  stop "Bun could not be set up from the npm package bun."
