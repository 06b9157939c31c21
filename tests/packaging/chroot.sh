#!/bin/sh
# Tries installing on a real Debian, in a chroot with processes, mounts and a network of its own; as root:
#
#   tests/packaging/chroot.sh migrate      follows docs/guides/migrating-from-mod_wsgi.md with Debian's mod_wsgi, literally
#   tests/packaging/chroot.sh uninstall    `make uninstall` under a running Apache leaves nothing running
#   tests/packaging/chroot.sh package      the package of `make deb`: installed, removed under a running Apache, purged
#   tests/packaging/chroot.sh container    the steps of docker/debian.Dockerfile, its program as process 1
#   tests/packaging/chroot.sh all          each of them
#
# It needs debootstrap, overlayfs and the built module (`make build`). The base system is made once, in PACKAGING_CACHE.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
checkout=$(dirname -- "$(dirname -- "$here")")
cache=${PACKAGING_CACHE:-/var/tmp/mod_wsgi_rs-packaging}
suite=${DEBIAN_SUITE:-bookworm}
base=$cache/$suite
build=${BUILD:-$checkout/build}

die() {
    echo "packaging: $*" >&2
    exit 1
}

# A Debian with Apache and Python, as a user has it, and Debian's mod_wsgi downloaded but not installed.
make_base() {
    [ ! -e "$base.ready" ] || return 0
    command -v debootstrap >/dev/null || die 'debootstrap is missing'
    rm -rf "$base"
    mkdir -p "$cache"
    debootstrap --variant=minbase "$suite" "$base"
    printf '#!/bin/sh\nexit 101\n' >"$base/usr/sbin/policy-rc.d"
    chmod 755 "$base/usr/sbin/policy-rc.d"
    # shellcheck disable=SC2016 # it is that shell that expands
    chroot "$base" sh -ec 'export DEBIAN_FRONTEND=noninteractive
        apt-get -qq update
        version=$(apt-cache depends python3 | sed -n "s/.*Depends: python\(3\.[0-9]*\)$/\1/p" | head -n 1)
        apt-get -qq -y install --no-install-recommends apache2 python3 python3-venv "libpython$version" curl procps
        apt-get -qq -y install --download-only --no-install-recommends libapache2-mod-wsgi-py3'
    : >"$base.ready"
}

# Runs $1 of this directory within a fresh copy of the base system; $2 prepares that copy from outside.
in_copy() {
    script=$1
    prepare=$2
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/mod_wsgi_rs-packaging.XXXXXX")
    status=0
    # The upper layer is a file system in memory: overlayfs does not take another overlayfs for it.
    unshare --mount --pid --net --fork --kill-child sh -ec '
        scratch=$1 base=$2 here=$3 script=$4 prepare=$5
        mount --make-rprivate /
        mount -t proc proc /proc
        mount -t tmpfs -o mode=755 tmpfs "$scratch"
        mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
        mount -t overlay overlay -o "lowerdir=$base,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
        mount -t proc proc "$scratch/root/proc"
        mount --rbind /dev "$scratch/root/dev"
        mount -t tmpfs -o mode=1777 tmpfs "$scratch/root/tmp"
        mkdir "$scratch/root/trial"
        cp "$here"/*.sh "$here"/*.py "$scratch/root/trial/"
        "$here/loopback.py"
        . "$here/prepare.sh"
        "$prepare" "$scratch/root"
        if [ "$script" = container ]; then exec "$here/container.py" run "$scratch/root"; fi
        exec chroot "$scratch/root" env -i PATH=/trial/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive sh -e "/trial/$script.sh"
    ' sh "$scratch" "$base" "$here" "$script" "$prepare" || status=$?
    rmdir "$scratch"
    [ "$status" = 0 ] || die "$script: failed"
    echo "packaging: $script: passed"
}

export PACKAGING_CHECKOUT="$checkout" PACKAGING_BUILD="$build"
make_base
[ -f "$build/mod_wsgi_rs.so" ] || die 'nothing is built: make build'
for trial in ${*:-all}; do
    case $trial in
        all) set -- migrate uninstall package container ;;
    esac
done
for trial in "$@"; do
    case $trial in
        migrate | uninstall) in_copy "$trial" with_make_install ;;
        package) in_copy package with_package ;;
        container) in_copy container with_dockerfile ;;
        *) die "unknown trial: $trial" ;;
    esac
done
