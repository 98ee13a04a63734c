# `make run` measures, `make test` tests everything, `make help` lists the rest.
SHELL := /bin/sh
.DELETE_ON_ERROR:

PYTHON ?= python3
SECONDS ?= 60
SEED ?= 0
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
RUNNERS := mobilebench/assets/runners
RUNNER_BUILD := linux-$(shell uname -m)
ANDROID_BUILDS := $(addprefix native-android-,arm64-v8a armeabi-v7a x86_64)
ANDROID_WAY := $(if $(ANDROID_NDK_HOME),ndk,bionic)
NEEDS := browser or adb or build or network or database
TESTS := tests$(if $(ROOM),/$(ROOM))
JOBS ?= 2
NONE_THERE := [ $$? -eq 5 ] # pytest's exit code for a room that has no such tests
export PATH := $(abspath $(BIN)):$(PATH)
export PYTHONDONTWRITEBYTECODE := # each module is compiled once, not by each of the many processes that tests and runs start

.PHONY: help run setup python web clip native app-core native-android apk $(ANDROID_BUILDS) models libraries test test-fast lint format lock bench drill drill-long fuzz wheel clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: setup ## Measure suite `quick` on attached phones (else two virtual ones) and on this computer, and report
	@scripts/run-quick.sh

setup: $(STAMPS)/system python web clip native libraries models ## Install and build everything that a run needs

python: $(STAMPS)/python ## Make .venv with the pinned Python packages

web: $(STAMPS)/npm ## Build the pages
	@scripts/build-if-changed.sh web mobilebench/assets/web/bench.html "Building the pages" \
	    sh -c 'cd web && npm run --silent build'

CLIPS := mobilebench/assets/clip/clip.webm mobilebench/assets/clip/camera.mjpeg

clip: $(CLIPS) ## Make the clips of the scenarios video and call (by ffmpeg, which is installed for it)

$(CLIPS): scripts/make-clip.sh
	@scripts/system-packages.sh ffmpeg
	@echo "Making $@"
	@scripts/make-clip.sh $@

native: $(STAMPS)/python ## Build the native runner for this computer
	@scripts/build-if-changed.sh $(RUNNER_BUILD) $(RUNNERS)/$(RUNNER_BUILD)/mobilebench-runner \
	    "Building the native runner" scripts/build-runner.sh host

app-core: $(STAMPS)/python ## Build the Android app's Java core for this computer (core.jar, json.jar)
	@scripts/system-packages.sh mvn javac
	@scripts/build-if-changed.sh app-core mobilebench/assets/app/core.jar \
	    "Building the app's Java core" scripts/build-app-core.sh

native-android: $(ANDROID_BUILDS) ## Build the native runner for phones (with the NDK at ANDROID_NDK_HOME, else without one)

$(ANDROID_BUILDS): native-android-%: $(STAMPS)/python $(STAMPS)/android
	@scripts/build-if-changed.sh android-$* $(RUNNERS)/android-$*/mobilebench-runner \
	    "Building the native runner for Android, $*" scripts/build-runner.sh $(ANDROID_WAY)-$*

apk: app-core native-android ## Build the Android app; ENGINES="tflite onnxruntime" puts their libraries in, ABI=arm64-v8a is for one processor
	@scripts/system-packages.sh mvn javac aapt zipalign apksigner framework-res
	@$(if $(ENGINES)$(ABI),$(BIN)/python -m apk_runner.packing $(if $(ENGINES),--engines $(ENGINES)) $(if $(ABI),--abi $(ABI)),\
	    scripts/build-if-changed.sh app mobilebench/assets/app/mobilebench.apk "Building the Android app" scripts/build-apk.sh)

$(STAMPS)/system: scripts/system-packages.sh
	@scripts/system-packages.sh adb chromium bwrap mvn
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/python: requirements/all.txt requirements/tensorflowjs.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "mobilebench needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12" >&2; exit 1; }
	@scripts/system-packages.sh venv
	@echo "Installing Python packages into $(VENV) (a minute or two the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/all.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/tensorflowjs.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/npm: web/package-lock.json $(wildcard web/package.json web/frameworks/*/package.json)
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' || \
	    { echo "mobilebench needs Node 20 or newer, and npm, to build its pages." >&2; exit 1; }
	@echo "Installing npm packages"
	@cd web && npm ci --silent --no-audit --no-fund
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/android: scripts/system-packages.sh
	@$(if $(ANDROID_NDK_HOME),true,scripts/system-packages.sh clang ld.lld)
	@mkdir -p $(STAMPS) && touch $@

libraries: $(STAMPS)/python
	@$(BIN)/mobilebench libraries fetch --build $(RUNNER_BUILD)

models: $(STAMPS)/python ## Build the models of suite `quick` (nothing is built twice)
	@$(BIN)/mobilebench models build mobilenet_v2 bert_small

test: setup apk $(STAMPS)/npm ## Run every test there is, or those of one room: make test ROOM=targets (JOBS=1: one file at a time)
	@scripts/system-packages.sh firefox javac postgresql
	@$(BIN)/python -m pytest $(TESTS) -m "not ($(NEEDS))" -n $(JOBS) || $(NONE_THERE)
	@$(BIN)/python -m pytest $(TESTS) -m "($(NEEDS)) and not alone" -n $(JOBS) --dist loadfile || $(NONE_THERE)
	@$(BIN)/python -m pytest $(TESTS) -m "($(NEEDS)) and alone" || $(NONE_THERE)
	@cd web && npm run --silent test

test-fast: $(STAMPS)/python ## The quick tests that need no browser, adb or build: under a minute; also with ROOM=
	@$(BIN)/python -m pytest $(TESTS) -m "not ($(NEEDS) or slow)" -n $(JOBS) --dist loadfile --snapshot-disable-unused

lint: $(STAMPS)/python $(STAMPS)/npm ## Check style, types and the direction of imports
	@scripts/system-packages.sh cppcheck
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clang-format --dry-run --Werror $$(find native benchmarks/minimal -path native/build -prune -o -name '*.[ch]' -print)
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -I native/src native/src native/bionic
	cppcheck --quiet --std=c11 --enable=unusedFunction --inline-suppr --error-exitcode=1 -I native/src native/src
	$(BIN)/python scripts/web_types.py --check
	cd web && npm run --silent lint

format: $(STAMPS)/python ## Format Python and C, and write the pages' types from the records
	@$(BIN)/python scripts/web_types.py
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .
	@$(BIN)/clang-format -i $$(find native benchmarks/minimal -path native/build -prune -o -name '*.[ch]' -print)

lock: $(STAMPS)/python ## Compile requirements/*.txt anew from pyproject.toml
	@scripts/lock.sh

bench: setup ## Measure mobilebench itself (see benchmarks/README.md)
	@scripts/system-packages.sh firefox nginx javac postgresql
	@$(BIN)/python -m benchmarks

drill: $(STAMPS)/python native ## Cause faults in runs on virtual phones, for less than a minute (SEED=0)
	@scripts/system-packages.sh adb bwrap
	@$(BIN)/mobilebench models build mlp_4x256 && $(BIN)/python -m benchmarks.fault_drill --short --seed $(SEED)

drill-long: $(STAMPS)/python native web ## Cause every fault in every phase, and 500 at random times (SEED=0; goes on where it was stopped; PART=1/4)
	@scripts/system-packages.sh adb bwrap chromium
	@$(BIN)/mobilebench models build mlp_4x256 && $(BIN)/python -m benchmarks.fault_drill \
	    --seed $(SEED) --journal $(STAMPS)/drill-$(SEED).jsonl $(if $(PART),--part $(PART))

fuzz: $(STAMPS)/python ## Fuzz the runner's arguments, input files, JSON and traces, readers of model files, both ends of adb's protocol, and all that is read from phones, for SECONDS=60 each; then try other examples in the tests that have any
	@scripts/system-packages.sh clang && scripts/system-packages.sh clang-runtime
	@cmake --preset fuzz -S native >/dev/null && cmake --build native/build/fuzz >/dev/null
	@for part in args input_file json trace; do \
	    mkdir -p native/build/fuzz/corpus/$$part; log=native/build/fuzz/$$part.log; \
	    native/build/fuzz/$${part}_fuzz -max_total_time=$(SECONDS) -max_len=4096 -print_final_stats=1 \
	        -artifact_prefix=native/build/fuzz/$$part- native/build/fuzz/corpus/$$part native/fuzz/seeds/$$part \
	        >$$log 2>&1 || { tail -n 40 $$log; exit 1; }; \
	    echo "$$part: $(SECONDS) s, $$(sed -n 's/^stat::number_of_executed_units: *//p' $$log) inputs, nothing found"; \
	done
	@$(BIN)/python scripts/fuzz_adb.py --seconds $(SECONDS)
	@$(BIN)/python scripts/fuzz_phone_output.py --seconds $(SECONDS)
	@$(BIN)/python scripts/fuzz_recorders.py --seconds $(SECONDS)
	@$(BIN)/python scripts/fuzz_inspectors.py --seconds $(SECONDS) --finds native/build/fuzz/models
	@$(BIN)/python -m pytest $(TESTS) -m "hypothesis and not ($(NEEDS))" --hypothesis-profile fuzz -n $(JOBS) --snapshot-disable-unused

wheel: web clip native apk ## Build a wheel with the pages, the clip, the app and every runner inside
	@$(BIN)/python scripts/build_wheel.py

clean: ## Remove what was built here (not results, models or libraries)
	rm -rf $(VENV) $(STAMPS) web/node_modules web/frameworks/*/node_modules native/build mobilebench/assets dist
