#!/bin/sh
# Installs what a part of this project needs and the machine lacks: `apxs/dependencies.sh build|serve|test|lint|fuzz|deb|bench ...`, as root or
# by sudo. `apxs/dependencies.sh missing build ...` installs nothing: it says what is missing, and fails if something is.
#
# Each need is looked for on the machine itself (a command, a header, a library), never in the package manager's list, so
# that what came from elsewhere counts and a second run touches no network. Debian, Fedora and Alpine packages are known.
# Installing never starts a server: on Debian it is `apache2-bin`, not `apache2`.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=apxs/locate.sh
. "$here/locate.sh"

say() { printf 'dependencies: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

# --- what is here already -------------------------------------------------------------------------------------------

have() { command -v "$1" >/dev/null 2>&1; }

# True if one of the paths (already expanded by the shell) exists.
any() {
    for path in "$@"; do
        if [ -e "$path" ]; then return 0; fi
    done
    return 1
}

have_libclang() {
    any "${LIBCLANG_PATH:-/nonexistent}"/libclang*.so* /usr/lib/llvm*/lib/libclang*.so* /usr/lib/libclang*.so* \
        /usr/lib/*-linux-*/libclang*.so* /usr/lib64/libclang*.so* /usr/lib64/llvm*/lib*/libclang*.so* &&
        any /usr/lib/llvm*/lib/clang/*/include/stddef.h /usr/lib/clang/*/include/stddef.h /usr/lib64/clang/*/include/stddef.h
}

have_libpython() {
    version=$(system_python_version) || return 1
    any "/usr/lib/libpython$version.so.1.0" "/usr/lib64/libpython$version.so.1.0" /usr/lib/*-linux-*/"libpython$version.so.1.0"
}

have_python_headers() {
    version=$(system_python_version) || return 1
    [ -e "/usr/include/python$version/Python.h" ]
}

have_venv() { "$SYSTEM_PYTHON" -c 'import venv, ensurepip' >/dev/null 2>&1; }

have_apache_module() {
    directory=$("$(apxs_path)" -q LIBEXECDIR 2>/dev/null) && [ -e "$directory/$1" ]
}

# The oldest Rust that the workspace accepts, from its own manifest.
rust_wanted() { sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$here/../Cargo.toml"; }

# rust_suffices VERSION: whether it is that or later; an empty one is not.
rust_suffices() {
    [ -n "$1" ] && [ "${1%%.*}" -ge 1 ] && [ "${1#*.}" -ge "$(rust_wanted | cut -d. -f2)" ]
}

have_rust() { rust_suffices "$(cargo --version 2>/dev/null | sed -n 's/^cargo \([0-9]*\.[0-9]*\).*/\1/p')"; }

# --- what each part needs -------------------------------------------------------------------------------------------

missing=''  # package names, blank-separated
reasons=''  # one line per package
active=''   # the version of the cargo at hand, if that is too old

# lacks REASON DEBIAN FEDORA ALPINE: notes the packages of this system's family.
lacks() {
    case $family in
        debian) package=$2 ;;
        fedora) package=$3 ;;
        alpine) package=$4 ;;
        *) package=$2 ;;
    esac
    case " $missing " in *" $package "*) return 0 ;; esac
    missing="$missing $package"
    reasons="$reasons
    $package ($1)"
}

look_for_compilers() {
    have cc || lacks 'a C compiler and linker' 'gcc libc6-dev' 'gcc glibc-devel' 'gcc musl-dev'
    have_rust || lacks_rust
}

look_for_build() {
    look_for_compilers
    [ -x "$(apxs_path)" ] || lacks "apxs and Apache's headers" apache2-dev httpd-devel apache2-dev
    have_libclang || lacks 'libclang, which reads those headers' libclang-dev clang-devel 'clang-dev clang-libclang'
}

look_for_serve() {
    look_for_build
    [ -x "$(httpd_path)" ] || lacks 'the httpd server program' apache2-bin httpd-core apache2
    if [ -x "$SYSTEM_PYTHON" ]; then
        have_libpython || lacks 'Python as a library' "libpython$(system_python_version)" python3-libs python3
    else
        lacks 'Python' python3 'python3 python3-libs' python3
    fi
}

look_for_test() {
    look_for_serve
    [ ! -x "$SYSTEM_PYTHON" ] || have_venv || lacks 'virtual environments' python3-venv python3-libs py3-pip
    have_python_headers || lacks 'to compile mod_wsgi, which we are compared with' python3-dev python3-devel python3-dev
    have curl || lacks 'HTTP/2 requests' curl curl curl
    have strace || lacks 'to see what root touches' strace strace strace
    have openssl || lacks 'test certificates' openssl openssl openssl
    if [ "$family" != debian ]; then # there they are in apache2-bin
        have_apache_module mod_ssl.so || lacks 'TLS tests' '' mod_ssl apache2-ssl
        have_apache_module mod_http2.so || lacks 'HTTP/2 tests' '' mod_http2 apache2-http2
    fi
}

look_for_lint() {
    look_for_build
    if have rustup; then
        rustup_components
    else
        cargo fmt --version >/dev/null 2>&1 || lacks 'the formatter' "$(debian_rust rustfmt rustfmt-web)" rustfmt rustfmt
        cargo clippy --version >/dev/null 2>&1 || lacks 'the linter' "$(debian_rust rust-clippy rust-web-clippy)" clippy rust-clippy
    fi
}

look_for_deb() {
    have dpkg-buildpackage || lacks "to build Debian's packages" dpkg-dev '' ''
    have dh || lacks "to build Debian's packages" debhelper '' ''
    have lintian || lacks 'to check them' lintian '' ''
}

look_for_bench() {
    have wrk || lacks 'the client of the benchmark' wrk wrk wrk
    have_python_headers || lacks 'to compile mod_wsgi and uWSGI' python3-dev python3-devel python3-dev
    [ ! -x "$SYSTEM_PYTHON" ] || have_venv || lacks 'virtual environments' python3-venv python3-libs py3-pip
}

# What is fuzzed knows neither Apache nor Python.
look_for_fuzz() {
    look_for_compilers
    have c++ || lacks 'a C++ compiler, for libFuzzer' g++ gcc-c++ g++
}

# Debian 12 ships a second, current Rust beside its old one, with names of its own (cargo-web and the like).
debian_rust() {
    if dpkg-query -W rustc-web >/dev/null 2>&1 || ! have_rust; then echo "$2"; else echo "$1"; fi
}

lacks_rust() {
    if have rustup; then
        die "Rust $(rust_wanted) or later is needed, $(cargo --version 2>/dev/null || echo 'no cargo') is active: run \`rustup update stable && rustup default stable\`"
    fi
    active=$(cargo --version 2>/dev/null | cut -d' ' -f2) || true
    lacks "Rust $(rust_wanted) or later, in the place of ${active:-none}" 'cargo-web rustc-web' 'cargo rust' 'cargo rust'
}

rustup_components() {
    for component in rustfmt clippy; do
        case $component in rustfmt) command=fmt ;; *) command=clippy ;; esac
        cargo "$command" --version >/dev/null 2>&1 && continue
        say "installing the rustup component $component"
        rustup component add "$component"
    done
}

# --- installing -----------------------------------------------------------------------------------------------------

family_of_this_system() {
    if have apt-get; then
        echo debian
    elif have dnf; then
        echo fedora
    elif have apk; then
        echo alpine
    else
        echo unknown
    fi
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt_install() {
    # The wait for the lock: a machine that has just started may be upgrading itself.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
        install --no-install-recommends "$@" </dev/null >&2
}

# The package lists may be absent (a fresh container) or too old (then a download answers 404): fetch them once, then try again.
apt_install_refreshing() {
    if apt-get -s install --no-install-recommends "$@" >/dev/null 2>&1 && apt_install "$@"; then return 0; fi
    apt_refresh
    apt_install "$@"
}

apt_refresh() {
    say 'refreshing the package lists (apt-get update)'
    as_root apt-get -qq update </dev/null >&2
}

# The version, X.Y, of the Rust that Debian's packages would install; nothing if there is none.
rust_offered() { LC_ALL=C apt-cache policy cargo-web 2>/dev/null | sed -n 's/^ *Candidate: \([0-9]*\.[0-9]*\).*/\1/p'; }

# Debian 12 has a new enough Rust in its security archive alone, which a system may lack. It is said before anything is installed.
check_offered_rust() {
    case " $missing " in *' cargo-web '*) ;; *) return 0 ;; esac
    if rust_suffices "$(rust_offered)"; then return 0; fi
    apt_refresh
    offered=$(rust_offered)
    if rust_suffices "$offered"; then return 0; fi
    say "Rust $(rust_wanted) or later is needed; cargo is ${active:-missing}, and what apt knows offers ${offered:-none} (the package cargo-web)"
    if grep -qx 'ID=debian' /etc/os-release; then
        release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
        say "give apt Debian's security archive (deb http://deb.debian.org/debian-security $release-security main) and run this again, or"
    fi
    die 'install Rust by https://rustup.rs/ as the user who builds, and run this again'
}

install_packages() {
    case $family in
        debian) apt_install_refreshing "$@" ;;
        fedora) as_root dnf -y install --setopt=install_weak_deps=False "$@" </dev/null >&2 ;;
        alpine) as_root apk add --no-cache "$@" >&2 ;;
    esac
}

main() {
    only_say=no
    if [ "${1:-}" = missing ]; then
        only_say=yes
        shift
    fi
    [ $# -gt 0 ] || die 'say for what: build, serve, test, lint, fuzz, deb or bench'
    family=$(family_of_this_system)
    # Some needs show only when an earlier one is met (which libpython, once there is a Python), hence the rounds.
    for round in 1 2 3; do
        missing=''
        reasons=''
        for part in "$@"; do
            case $part in
                build | serve | test | lint | fuzz | deb | bench) "look_for_$part" ;;
                *) die "unknown part: $part (build, serve, test, lint, fuzz, deb or bench)" ;;
            esac
        done
        [ -n "$missing" ] || return 0
        if [ "$only_say" = yes ]; then
            say "missing:$reasons"
            die "\`apxs/dependencies.sh $*\` installs that"
        fi
        if [ "$round" = 3 ]; then die "still missing after the installation:$reasons"; fi
        if [ "$family" = unknown ]; then
            die "this system has neither apt-get, dnf nor apk. Install by hand (Debian's names):$reasons"
        fi
        if [ "$(id -u)" != 0 ] && ! have sudo; then
            die "missing, and neither root nor sudo is at hand. Install as root:$reasons"
        fi
        if [ "$family" = debian ]; then check_offered_rust; fi
        say "installing:$reasons"
        # shellcheck disable=SC2086 # one word per package is meant
        install_packages $missing || die "the package manager could not install:$missing"
        hash -r
    done
}

main "$@"
