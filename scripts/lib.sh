# shellcheck shell=bash
# What the scripts share. Source it at the top: it sets ROOT, STATION_BIN and TOOLS_PYTHON, and moves to ROOT.
# Nothing outside of the clone is changed, but for Debian packages that are missing.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
# One profile and one feature set, so that what one script builds the next one finds built.
STATION_BIN=$(realpath -m "${CARGO_TARGET_DIR:-target}")/debug/station
TOOLS_PYTHON=$ROOT/tests/tools/.venv/bin/python3
export STATION_BIN

# Simulated units have users of their own. Without root that takes a user namespace, in which their files are read as well:
# a command with "${as_units[@]}" before it runs there.
as_units=()
if [[ $(id -u) -ne 0 ]]; then
    as_units=(unshare --map-root-user --map-auto --)
fi

step() {
    printf '\n== %s\n' "$*" >&2
}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 4
}

# Whether what a Debian package brings is there, from whatever source.
has() {
    case $1 in
        coreutils) command -v sha256sum ;;
        dbus-daemon) command -v dbus-run-session ;;
        gcc) command -v cc ;;
        gnutls-bin) command -v certtool ;;
        libc6-dev) [[ -e /usr/include/stdlib.h ]] ;;
        libtss2-dev) [[ -e /usr/include/tss2/tss2_esys.h ]] ;;
        libtss2-tcti-swtpm0) compgen -G '/usr/lib/*/libtss2-tcti-swtpm.so.0' ;;
        libtss2-tcti-tabrmd0) compgen -G '/usr/lib/*/libtss2-tcti-tabrmd.so.0' ;;
        nodejs) command -v node ;;
        opensc) command -v pkcs11-tool ;;
        python3-venv) python3 -c 'import ensurepip, venv' ;;
        softhsm2) command -v softhsm2-util && [[ -e /usr/lib/softhsm/libsofthsm2.so ]] ;;
        swtpm-tools) command -v swtpm_setup ;;
        tpm2-tools) command -v tpm2_readpublic ;;
        uidmap) command -v newuidmap ;;
        *) command -v "$1" ;;
    esac >/dev/null 2>&1
}

# need PACKAGE...: installs what is missing, and does nothing where all is there.
need() {
    local package missing=() as_root=()
    for package in "$@"; do
        has "$package" || missing+=("$package")
    done
    [[ ${#missing[@]} -eq 0 ]] && return
    command -v apt-get >/dev/null || die "please install what these Debian packages hold: ${missing[*]}"
    if [[ $(id -u) -ne 0 ]]; then
        command -v sudo >/dev/null || die "please install these packages (there is no sudo): ${missing[*]}"
        as_root=(sudo)
    fi
    step "installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
    for package in "${missing[@]}"; do
        has "$package" || die "$package is installed, and what it should bring is still not found"
    done
}

# What simulated units need beyond the tools that they run.
need_units() {
    [[ ${#as_units[@]} -eq 0 ]] || need uidmap
}

# What the scripts build: the part that needs a system library (TPMs) as well.
FEATURES=(--features station/tpm)

need_tpm() {
    need pkg-config libtss2-dev libtss2-tcti-swtpm0
}

need_rust() {
    need gcc libc6-dev
    command -v cargo >/dev/null || die "cargo is missing: install Rust 1.95 or newer with rustup (https://rustup.rs)"
}

# Builds the station, and with it all that `cargo test` would build: one resolution of features for both.
build_station() {
    need_rust
    need_tpm
    step "building the station"
    cargo build --locked --workspace --all-targets "${FEATURES[@]}"
}

# The Python tools in an environment of their own, made anew when their list changed.
python_tools() {
    need python3 python3-venv
    local list=tests/tools/requirements.txt folder=tests/tools/.venv
    cmp -s "$list" "$folder/made-from.txt" && "$TOOLS_PYTHON" -c '' 2>/dev/null && return
    step "installing the Python tools into $folder"
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$TOOLS_PYTHON" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$list"
    # Last, so that an interrupted installation is not taken for a whole one.
    cp "$list" "$folder/made-from.txt"
}

# The Node tools in a folder of their own, made anew when their lock file changed. No package runs anything while it is
# installed, and npm's own files (it keeps a cache, and logs) stay in the clone.
node_tools() {
    need nodejs npm
    local list=tests/tools/npm/package-lock.json folder=tests/tools/npm/node_modules
    cmp -s "$list" "$folder/made-from.json" && return
    step "installing the Node tools into $folder"
    npm ci --prefix tests/tools/npm --cache "$ROOT/target/npm" \
        --ignore-scripts --no-audit --no-fund --no-update-notifier >&2
    # Last, so that an interrupted installation is not taken for a whole one.
    cp "$list" "$folder/made-from.json"
}
