# How every part is built, tried, tested and installed. Nothing else knows it.
#
#   make serve                      build, then run Apache in front of an example page; `make help` lists the rest

CARGO ?= cargo
# Given to every cargo command; a packager without network sets `--offline`.
CARGO_FLAGS ?= --locked
# Where the files that belong together are gathered. The module finds its companions beside itself.
BUILD := build
TARGET := $(or $(CARGO_TARGET_DIR),target)
# The engine has a directory of its own: it is built as a Python extension, which other crates must not be.
ENGINE_TARGET := $(TARGET)/engine

# What `make serve` serves, where, and with which Python (a virtualenv, or an interpreter).
APP ?=
HOST ?= 127.0.0.1
PORT ?= 8000
PYTHON ?=
# Which trials `make test` runs (a part of their names), and further arguments of the suites.
TESTS ?=
# Which fuzzers `make fuzz` runs, and for how long each.
FUZZ ?= frames_of_child frames_of_daemon control_messages records running table table_while_it_changes heads log_lines supervision header_fields \
	trusted_proxies
SECONDS ?= 60
# What `make bench` measures (benches/README.md).
BENCH_ARGS ?= --servers ours-*,again-embedded,again-d1x15,mw6-*,floor-c,uwsgi-http,gunicorn-1x15,gunicorn-2x5,granian --rounds 15 --no-memory

.DEFAULT_GOAL := build
.PHONY: help build build-faults serve test soak lint miri format fuzz install install-debug uninstall deb reproducible bench clean

# $(call place,FROM,TO): puts a built file in place as a new file. Writing over the old one would change it under a running
# Apache that has it mapped. An unchanged file keeps its time.
place = cmp -s $(1) $(2) || { cp $(1) $(2).new && mv -f $(2).new $(2); }

# Builds in different directories give the same files.
release = CARGO='$(CARGO)' apxs/cargo.sh

help:
	@echo 'make build                 the module and its companions (engine, supervisor), into $(BUILD)/'
	@echo 'make serve                 Apache with an example page on http://127.0.0.1:8000/ (Ctrl-C stops it)'
	@echo 'make serve APP=site.wsgi   the same with your application; PYTHON=/path/to/venv PORT=8000 HOST=127.0.0.1'
	@echo 'make test                  unit tests and the suites against a real Apache; TESTS=part-of-a-name'
	@echo 'make soak                  the trials in full length (an hour), and against mod_wsgi 6.1.1: docs/reliability.md'
	@echo 'make lint                  format, clippy, scripts; licences and known weaknesses of dependencies (deny.toml)'
	@echo 'make miri                  unit tests of what processes share, under Miri (a nightly toolchain)'
	@echo 'make fuzz SECONDS=60       each fuzzer for so long; FUZZ=one-of-them'
	@echo 'make install               into the Apache that apxs names; DESTDIR= for packages; make uninstall takes it back'
	@echo 'make install-debug         debug information for debuggers, into /usr/lib/debug'
	@echo 'make deb                   a Debian package of the committed sources, into $(BUILD)/deb/, and what lintian says of it'
	@echo 'make reproducible          proves that two builds in different directories give the same files'
	@echo 'make bench                 the tables of docs/performance.md: mod_wsgi, uWSGI, gunicorn, granian beside it; BENCH_ARGS='
	@echo 'make clean                 forget everything that was built'

# After a failed build cargo leaves the previous library where it was, so a file is placed only when cargo has succeeded. A cargo that is
# too old stumbles over what it does not know, and blames that: what the machine lacks is said besides.
build:
	@$(release) $(TARGET) build $(CARGO_FLAGS) --release --package mod_wsgi_rs || { apxs/dependencies.sh missing build; exit 1; }
	@$(release) $(ENGINE_TARGET) build $(CARGO_FLAGS) --release --package mod_wsgi_rs-engine
	@$(release) $(TARGET) build $(CARGO_FLAGS) --release --package mod_wsgi_rs-supervisor
	@mkdir -p $(BUILD)
	@$(call place,$(TARGET)/release/libmod_wsgi_rs.so,$(BUILD)/mod_wsgi_rs.so)
	@$(call place,$(ENGINE_TARGET)/release/libmod_wsgi_rs_engine.so,$(BUILD)/mod_wsgi_rs_engine.so)
	@$(call place,$(TARGET)/release/wsgi-supervisor,$(BUILD)/wsgi-supervisor)
	@$(MAKE) --no-print-directory $(BUILD)/doc/THIRD-PARTY
	@echo 'built: LoadModule wsgi_module $(abspath $(BUILD))/mod_wsgi_rs.so'

# The licence texts of what is linked in. They change with the crates only.
$(BUILD)/doc/THIRD-PARTY: Cargo.lock apxs/licences.sh
	@mkdir -p $(BUILD)/doc
	@CARGO='$(CARGO)' apxs/licences.sh >$@.new && mv -f $@.new $@

# The same with faults on demand, for the suites alone. Target directories of their own: one cargo directory holds one
# library of a name.
build-faults: build
	@$(CARGO) build $(CARGO_FLAGS) --release --target-dir $(TARGET)/faults --package mod_wsgi_rs --features test-faults
	@$(CARGO) build $(CARGO_FLAGS) --release --target-dir $(ENGINE_TARGET)/faults --package mod_wsgi_rs-engine --features test-faults
	@mkdir -p $(BUILD)/test
	@$(call place,$(TARGET)/faults/release/libmod_wsgi_rs.so,$(BUILD)/test/mod_wsgi_rs.so)
	@$(call place,$(ENGINE_TARGET)/faults/release/libmod_wsgi_rs_engine.so,$(BUILD)/test/mod_wsgi_rs_engine.so)
	@$(call place,$(TARGET)/release/wsgi-supervisor,$(BUILD)/test/wsgi-supervisor)

serve: export BUILD := $(BUILD)
serve: export APP := $(APP)
serve: export HOST := $(HOST)
serve: export PORT := $(PORT)
serve: export PYTHON := $(PYTHON)
serve:
	@apxs/dependencies.sh serve
	@$(MAKE) --no-print-directory build
	@exec apxs/serve.sh

test:
	@apxs/dependencies.sh test
	@$(MAKE) --no-print-directory build-faults
	$(CARGO) test $(CARGO_FLAGS) --workspace --exclude mod_wsgi_rs-tests
	$(CARGO) test $(CARGO_FLAGS) --manifest-path fuzz/Cargo.toml --target-dir $(TARGET)/fuzz --no-default-features
	$(CARGO) test $(CARGO_FLAGS) --package mod_wsgi_rs-tests -- $(TESTS)

# What takes too long for every change. It needs a machine to itself: gaps and limits are measured.
soak:
	@apxs/dependencies.sh test
	@$(MAKE) --no-print-directory build
	SOAK=1 $(CARGO) test $(CARGO_FLAGS) --package mod_wsgi_rs-tests -- --test-threads 1 trials::every_trial

# Undocumented unsafe, unwrap and the rest are denied by the workspace's lints; generated pages are checked by unit tests.
lint:
	@apxs/dependencies.sh lint
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy $(CARGO_FLAGS) --workspace --all-targets --all-features -- -D warnings
	$(CARGO) clippy $(CARGO_FLAGS) --manifest-path fuzz/Cargo.toml --target-dir $(TARGET)/fuzz --no-default-features --lib --test corpus -- -D warnings
	@for script in apxs/*.sh .ci/run; do sh -n $$script || exit 1; done
	@.ci/words
	@CARGO='$(CARGO)' apxs/deny.sh
	$(CARGO) build $(CARGO_FLAGS) --target-dir $(ENGINE_TARGET) --package mod_wsgi_rs-engine
	@apxs/abi3.sh $(ENGINE_TARGET)/debug/libmod_wsgi_rs_engine.so $(TARGET)/abi3audit

# Undefined behaviour in what processes share: minutes, so not a part of `make test`; .ci/run calls it.
miri:
	@CARGO='$(CARGO)' apxs/miri.sh $(TARGET)

format:
	$(CARGO) fmt --all
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml

# cargo-fuzz wants a nightly compiler's switches; a stable one takes them when it is told to. What is found besides the committed
# corpus goes to fuzz/found/, and an input that breaks a property to fuzz/artifacts/. There is no unsafe code in what is tried, so
# the sanitizer would only slow it down.
fuzz: export RUSTC_BOOTSTRAP := 1
fuzz:
	@apxs/dependencies.sh fuzz
	@$(CARGO) fuzz --version >/dev/null 2>&1 || $(CARGO) install cargo-fuzz --version 0.13.1 --locked
	@for target in $(FUZZ); do \
	    mkdir -p fuzz/found/$$target && \
	    $(CARGO) fuzz run --sanitizer none --target-dir $(TARGET)/fuzz $$target fuzz/found/$$target fuzz/corpus/$$target -- \
	        -max_total_time=$(SECONDS) -max_len=8192 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 || exit 1; \
	done

install install-debug uninstall: export BUILD := $(BUILD)
install install-debug uninstall: export DESTDIR := $(DESTDIR)

# Nothing is rebuilt when it is there: `sudo make install` runs without the user's cargo in PATH.
install install-debug:
	@[ -f $(BUILD)/mod_wsgi_rs.so -a -f $(BUILD)/mod_wsgi_rs_engine.so -a -f $(BUILD)/doc/THIRD-PARTY ] || $(MAKE) --no-print-directory build
	@apxs/install.sh $@

uninstall:
	@apxs/install.sh uninstall

# A Debian package, in a copy of the committed sources: dpkg-buildpackage writes beside the directory that it is run in.
deb:
	@apxs/dependencies.sh build deb
	@rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb/mod-wsgi-rs
	@git archive HEAD | tar -x -C $(BUILD)/deb/mod-wsgi-rs
	@cd $(BUILD)/deb/mod-wsgi-rs && CARGO_TARGET_DIR=$(abspath $(TARGET))/deb dpkg-buildpackage --unsigned-source --unsigned-changes --build=binary --no-check-builddeps
	@rm -rf $(BUILD)/deb/mod-wsgi-rs
	@lintian --fail-on error --tag-display-limit 0 $(BUILD)/deb/*.changes
	@ls $(BUILD)/deb/*.deb

reproducible:
	@tests/packaging/reproducible.sh

# What is measured is the shipped build, readable to httpd's user. It takes an hour, on a machine that does nothing else.
bench:
	@apxs/dependencies.sh build serve bench
	@$(MAKE) --no-print-directory build
	@benches/setup.sh
	@benches/run --seconds 1 --module ours='$(abspath $(BUILD))/mod_wsgi_rs.so' --module again='$(abspath $(BUILD))/mod_wsgi_rs.so' $(BENCH_ARGS)

# A target directory elsewhere (CARGO_TARGET_DIR) may be shared with other projects: it is left alone.
clean:
	rm -rf $(BUILD) target
