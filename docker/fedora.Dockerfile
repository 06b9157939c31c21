# mod_wsgi_rs on Fedora. From the root of the checkout:
#
#   docker build -f docker/fedora.Dockerfile -t mod_wsgi_rs:fedora .
#   docker run --rm -p 8080:8080 mod_wsgi_rs:fedora
#
# Only packages are installed as root: the build runs as an ordinary user, and so does the server.
ARG FEDORA=43

FROM fedora:${FEDORA} AS build
WORKDIR /src
# First what the installer needs to know, so that a change of the sources does not install the packages again.
COPY Cargo.toml ./
COPY apxs/dependencies.sh apxs/locate.sh apxs/
RUN apxs/dependencies.sh build && dnf -y install make diffutils && useradd --create-home builder && chown builder /src
USER builder
COPY --chown=builder . .
RUN make build && make install DESTDIR=/src/stage

FROM fedora:${FEDORA}
RUN dnf -y install --setopt=install_weak_deps=False httpd python3 python3-libs && dnf clean all
COPY --from=build /src/stage/ /
COPY docker/site.conf /etc/httpd/conf.d/site.conf
COPY tests/apps/example/example.wsgi /srv/app/app.wsgi
# The site listens on its own, unprivileged port; Apache's own directories go to the user that serves.
RUN sed -i 's/^Listen 80$//' /etc/httpd/conf/httpd.conf && rm -f /etc/httpd/conf.d/welcome.conf \
    && chown -R apache:apache /run/httpd /var/log/httpd
# By number, so that a platform can see that it is not root.
USER 48:48
EXPOSE 8080
STOPSIGNAL SIGWINCH
# Whatever answers, as long as it is no failure of the server's: an application need not have a page at `/`.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python3", "-c", \
    "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/'); sys.exit(c.getresponse().status >= 500)"]
CMD ["httpd", "-D", "FOREGROUND"]
