# mod_wsgi_rs on Debian. From the root of the checkout:
#
#   docker build -f docker/debian.Dockerfile -t mod_wsgi_rs .
#   docker run --rm -p 8080:8080 mod_wsgi_rs                                  # the example page
#   docker run --rm -p 8080:8080 -v "$PWD/site:/srv/app:ro" mod_wsgi_rs       # site/app.wsgi
#
# Only packages are installed as root: the build runs as an ordinary user, and so does the server.
ARG DEBIAN=bookworm

FROM rust:1-slim-${DEBIAN} AS build
WORKDIR /src
# First what the installer needs to know, so that a change of the sources does not install the packages again.
COPY Cargo.toml ./
COPY apxs/dependencies.sh apxs/locate.sh apxs/
RUN apxs/dependencies.sh build && apt-get install -y --no-install-recommends make && useradd --create-home builder \
    && chown builder /src
USER builder
COPY --chown=builder . .
RUN make build && make install DESTDIR=/src/stage

FROM debian:${DEBIAN}-slim
# Inside an image nothing is started by installing Debian's apache2.
RUN apt-get update \
    && apt-get install -y --no-install-recommends apache2 python3 python3-venv \
        "libpython$(apt-cache depends python3 | sed -n 's/.*Depends: python\(3\.[0-9]*\)$/\1/p' | head -n 1)" \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/stage/ /
COPY docker/site.conf /etc/apache2/sites-available/000-default.conf
COPY tests/apps/example/example.wsgi /srv/app/app.wsgi
# The site listens on its own, unprivileged port; Apache's own directories go to the user that serves.
RUN : > /etc/apache2/ports.conf && a2enmod -q mod_wsgi_rs && mkdir -p /run/apache2 /run/lock/apache2 \
    && chown -R www-data:www-data /run/apache2 /run/lock/apache2 /var/log/apache2
# By number, so that a platform can see that it is not root.
USER 33:33
EXPOSE 8080
STOPSIGNAL SIGWINCH
# Whatever answers, as long as it is no failure of the server's: an application need not have a page at `/`.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python3", "-c", \
    "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/'); sys.exit(c.getresponse().status >= 500)"]
# apache2ctl would stay as process 1, and hand on no signal: the server takes the shell's place.
CMD ["sh", "-c", ". /etc/apache2/envvars && exec apache2 -D FOREGROUND"]
