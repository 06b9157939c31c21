# mod_wsgi_rs on Alpine (musl). From the root of the checkout:
#
#   docker build -f docker/alpine.Dockerfile -t mod_wsgi_rs:alpine .
#   docker run --rm -p 8080:8080 mod_wsgi_rs:alpine
#
# Only packages are installed as root: the build runs as an ordinary user, and so does the server. Rust is Alpine's own: it
# links dynamically by default, which a module for Apache has to; the upstream toolchain for musl does not.
ARG ALPINE=3.23

FROM alpine:${ALPINE} AS build
WORKDIR /src
# First what the installer needs to know, so that a change of the sources does not install the packages again.
COPY Cargo.toml ./
COPY apxs/dependencies.sh apxs/locate.sh apxs/
RUN apxs/dependencies.sh build && apk add --no-cache make && adduser -D builder && chown builder /src
USER builder
COPY --chown=builder . .
RUN make build && make install DESTDIR=/src/stage

FROM alpine:${ALPINE}
# Alpine gives numbers as they come; this one is made before its package would, so that it is the same in each image.
RUN addgroup -S -g 1080 apache && adduser -S -D -H -u 1080 -h /var/www -s /sbin/nologin -G apache apache \
    && apk add --no-cache apache2 python3
COPY --from=build /src/stage/ /
COPY docker/site.conf /etc/apache2/conf.d/site.conf
COPY tests/apps/example/example.wsgi /srv/app/app.wsgi
# Alpine's Apache begins with the prefork MPM; Python wants threads. The site listens on its own, unprivileged port.
RUN sed -i -e 's/^Listen 80$//' -e 's/^LoadModule mpm_prefork_module/#&/' -e 's/^#\(LoadModule mpm_event_module\)/\1/' \
        /etc/apache2/httpd.conf \
    && mkdir -p /run/apache2 && chown -R apache:apache /run/apache2 /var/log/apache2 /var/www/logs
# By number, so that a platform can see that it is not root.
USER 1080:1080
EXPOSE 8080
STOPSIGNAL SIGWINCH
# Whatever answers, as long as it is no failure of the server's: an application need not have a page at `/`.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python3", "-c", \
    "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/'); sys.exit(c.getresponse().status >= 500)"]
CMD ["httpd", "-D", "FOREGROUND"]
