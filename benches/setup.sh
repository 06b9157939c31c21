#!/bin/sh
# Installs the servers that are compared, from PyPI, and builds the C handler, into a cache outside of the repository.
# usage: setup.sh [CACHE]   environment: BENCH_PYTHON (default /usr/bin/python3)
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
CACHE=${1:-${BENCH_CACHE:-/var/tmp/mod_wsgi_rs-bench}}
PY=${BENCH_PYTHON:-/usr/bin/python3}
TAG=py$("$PY" -c 'import sys; print("%d%d" % sys.version_info[:2])')
VENV=$CACHE/venv-$TAG
# a PATH without shims, so that apxs and python-config are the system's
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH PIP_DISABLE_PIP_VERSION_CHECK=1
mkdir -p "$CACHE/dl" "$CACHE/floor" "$CACHE/run"
[ -x "$VENV/bin/python" ] || "$PY" -m venv "$VENV"
have() { "$VENV/bin/python" -c "import importlib.metadata as m,sys;sys.exit(0 if m.version('$1')=='$2' else 1)" 2>/dev/null; }
# mod_wsgi is always compiled here: a cached wheel may link another libpython than the venv's
have mod_wsgi 6.1.1 || "$VENV/bin/pip" -q install --force-reinstall --no-cache-dir --no-binary mod_wsgi mod_wsgi==6.1.1
have uWSGI 2.0.31 || "$VENV/bin/pip" -q install --no-cache-dir uwsgi==2.0.31
have granian 2.8.7 || "$VENV/bin/pip" -q install granian==2.8.7
have gunicorn 27.0.1 || "$VENV/bin/pip" -q install gunicorn==27.0.1 || "$VENV/bin/pip" -q install gunicorn
have waitress 3.0.2 || "$VENV/bin/pip" -q install waitress==3.0.2
have Flask 3.1.3 || "$VENV/bin/pip" -q install flask==3.1.3
have Django 5.2.19 || "$VENV/bin/pip" -q install django==5.2.19 || "$VENV/bin/pip" -q install 'django<6'
# A C handler inside httpd: the least that any module can cost.
cp "$HERE/floor/mod_bench_floor.c" "$CACHE/floor/"
(cd "$CACHE/floor" && apxs -c -Wc,-O2 mod_bench_floor.c >/dev/null 2>&1)
echo "$TAG" >"$CACHE/tag"
echo "ready: $VENV"
