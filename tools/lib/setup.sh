# SPDX-License-Identifier: MIT OR Apache-2.0
# Sets up a fresh Debian 12 or Ubuntu machine for pqmesh. Sourced by tools/demo and tools/test.
#
# Needs bash and apt, nothing else. Everything it makes lies in .venv/ and build/, but for the
# Debian packages it installs. Each step is skipped when its result is already there, so a
# second run costs well under a second.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
VENV="$ROOT/.venv"
PYTHON="$VENV/bin/python"
LOG_DIR="$ROOT/build/log"
SKIPPED=()

# What each part needs from Debian. A part is asked for by name: setup_packages base emulator ...
PACKAGES_base="python3 python3-venv ca-certificates"
PACKAGES_compiler="gcc libc6-dev make"
# The C crypto as a Python module, for the tests.
PACKAGES_headers="python3-dev"
PACKAGES_source="dpkg-dev xz-utils patch"
PACKAGES_emulator="gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm"
PACKAGES_unix="libffi-dev pkg-config"
PACKAGES_unix32="gcc-i686-linux-gnu libc6-dev-i386-cross libc6-i386"
PACKAGES_pico="cmake ninja-build g++ libstdc++-arm-none-eabi-newlib"
PACKAGES_node="nodejs npm"
# Sanitizers, a second compiler, memory checking, a second architecture: what the C tests stand on.
PACKAGES_tools="git clang libclang-rt-14-dev clang-format valgrind qemu-user cmake g++ iproute2 nftables"
# RISC-V: the native module for it and the machine it is loaded in, and the traces of that core.
PACKAGES_riscv="gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc"

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
note() { printf '    %s\n' "$*" >&2; }

die() {
    printf '\nerror: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

# Run a command that may take long: one line of progress, its output in a log, the log's tail on failure.
# usage: step "what is done" logname command...
step() {
    local what="$1" log="$LOG_DIR/$2.log" start=$SECONDS status=0
    shift 2
    mkdir -p "$LOG_DIR"
    say "$what"
    "$@" >"$log" 2>&1 &
    local pid=$!
    # Ctrl-C must end the child too: a background job of a script ignores SIGINT.
    trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; exit 130' INT TERM
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        if [ -t 2 ]; then printf '\r    %3d s' $((SECONDS - start)) >&2; fi
    done
    [ -t 2 ] && printf '\r' >&2
    wait "$pid" || status=$?
    trap - INT TERM
    if [ "$status" -ne 0 ]; then
        tail -n 25 "$log" >&2
        die "'$what' failed (exit $status)." "The whole output is in ${log#"$ROOT"/}."
    fi
    note "done in $((SECONDS - start)) s"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' \
            || printf '%s ' "$package"
    done
}

# Programs that an installation outside Debian's packages may already provide (a Node.js of one's own).
provided() {
    case "$1" in
        node) command -v node >/dev/null && command -v npm >/dev/null ;;
        base) python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ;;
        headers) python3 -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' 2>/dev/null ;;
        *) return 1 ;;
    esac
}

# usage: setup_packages part...     parts are the PACKAGES_ names above
setup_packages() {
    local part wanted="" name
    for part in "$@"; do
        provided "$part" && continue
        name="PACKAGES_$part"
        wanted="$wanted ${!name}"
    done
    local missing
    # shellcheck disable=SC2086  # word splitting is the point
    missing="$(missing_packages $wanted)"
    [ -z "$missing" ] && return 0
    command -v apt-get >/dev/null || die "this machine has no apt-get." \
        "Install the equivalents of: $missing" "then run this command again."
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        die "packages are missing and this is neither root nor a sudoer." \
            "As root: apt-get install $missing"
    fi
    step "refreshing the package lists" apt-update as_root apt-get update
    # shellcheck disable=SC2086
    step "installing ${missing% }" apt-install as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing
}

# A virtual environment holding exactly what requirements/lock.txt names, verified by sha256.
setup_python() {
    local stamp="$VENV/.pqmesh-stamp" want
    want="$(cat "$ROOT/requirements/lock.txt" "$ROOT/pyproject.toml" | sha256sum | cut -d' ' -f1)"
    [ -x "$PYTHON" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && return 0
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
        || die "Python 3.11 or newer is needed; this is $(python3 --version)."
    [ -x "$PYTHON" ] || step "making a Python environment in .venv" venv python3 -m venv "$VENV"
    step "installing the locked Python packages" pip "$PYTHON" -m pip install --quiet \
        --disable-pip-version-check --require-hashes -r "$ROOT/requirements/lock.txt"
    step "installing pqmesh itself" pip-pqmesh "$PYTHON" -m pip install --quiet \
        --disable-pip-version-check --no-deps --no-build-isolation -e "$ROOT"
    printf '%s' "$want" >"$stamp"
}

# Our C for this machine's handshakes (docs/decisions/0022). Without it pyca computes them, slower.
setup_native() {
    local stamp="$VENV/.pqmesh-native-stamp" want
    want="$(cat "$ROOT"/firmware/c_pqc/{src,include,bind_common,bind_cpython}/* "$ROOT/tools/build_native.py" \
        | sha256sum | cut -d' ' -f1)"
    [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && return 0
    mkdir -p "$LOG_DIR"
    if (cd "$ROOT" && "$PYTHON" -m tools.build_native --install) >"$LOG_DIR/native.log" 2>&1; then
        say "built our C for this machine: handshakes use it"
        printf '%s' "$want" >"$stamp"
    else
        say "our C was not built for this machine (build/log/native.log says why): handshakes use pyca"
    fi
}

# usage: setup_npm folder...     folders that hold a package-lock.json
setup_npm() {
    local folder
    for folder in "$@"; do
        local lock="$ROOT/$folder/package-lock.json" stamp="$ROOT/$folder/node_modules/.pqmesh-stamp"
        [ -f "$lock" ] || continue
        [ "$(cat "$stamp" 2>/dev/null)" = "$(sha256sum <"$lock")" ] && continue
        step "installing the npm packages of $folder" "npm-${folder//\//-}" \
            npm --prefix "$ROOT/$folder" ci --no-audit --no-fund --ignore-scripts
        sha256sum <"$lock" >"$stamp"
    done
}

# usage: setup_images target...     built by tools/firmware, which caches by content
setup_images() {
    local target
    for target in "$@"; do
        "$PYTHON" -m tools.firmware image "$target" >/dev/null 2>&1 && continue
        step "building firmware image $target" "image-$target" "$PYTHON" -m tools.firmware build "$target"
    done
}
