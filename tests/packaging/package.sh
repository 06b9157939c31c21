# Our package: installed, enabled, removed under a running Apache, installed again, purged. Runs in the chroot.
# shellcheck shell=sh
. /trial/site.sh

echo '== installed'
apache2ctl start
dpkg -i /trial/package.deb >/dev/null || fail 'dpkg -i'
a2query -q -m mod_wsgi_rs || fail 'the package has not enabled its module'
[ -s /usr/share/doc/libapache2-mod-wsgi-rs/THIRD-PARTY.gz ] || fail 'no licences'
[ -s /usr/share/man/man8/mod_wsgi_rs.8.gz ] || fail 'no manual page'
make_site
apache2ctl restart
answers rs

echo '== removed under the running Apache'
a2dissite -q site
dpkg --remove libapache2-mod-wsgi-rs >/dev/null || fail 'dpkg --remove'
apache2ctl graceful
nothing_of_ours_runs

echo '== beside mod_wsgi: not enabled, and nothing broken'
apt-get -qq -y install --no-download --no-install-recommends libapache2-mod-wsgi-py3 >/dev/null 2>&1
a2ensite -q site
apache2ctl restart
answers mod_wsgi
dpkg -i /trial/package.deb >/dev/null || fail 'dpkg -i beside mod_wsgi'
! a2query -q -m mod_wsgi_rs || fail 'two modules of one name are enabled'
apache2ctl restart
answers mod_wsgi
a2dismod -q wsgi && a2enmod -q mod_wsgi_rs && apache2ctl configtest && apache2ctl restart
answers rs
dpkg --purge libapache2-mod-wsgi-py3 >/dev/null || fail 'purge of mod_wsgi'
apache2ctl restart
answers rs

echo '== purged'
a2dissite -q site
dpkg --purge libapache2-mod-wsgi-rs >/dev/null || fail 'dpkg --purge'
apache2ctl graceful
nothing_of_ours_runs
left=$(find / -xdev \( -name '*wsgi_rs*' -o -name '*wsgi-rs*' -o -name '*wsgi-supervisor*' \) ! -path '/proc/*' ! -path '/trial/*' ! -path '/tmp/*')
[ -z "$left" ] || fail "left on the disk: $left"
apache2ctl stop
