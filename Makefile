# Everything that a person or CI does with this repository. `make` alone says what there is.

.DEFAULT_GOAL := help
SHELL := /bin/bash
JOBS ?= $(shell nproc)
HILUM := $(CURDIR)/.build/debug/hilum

.PHONY: help setup build demo test lint format bench crash soak examples fuzz generate clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

setup: ## installs the system packages that are missing (Debian)
	@scripts/system-packages.sh

build: setup ## builds the program: .build/debug/hilum
	swift build -j $(JOBS) --product hilum

demo: build ## a hospital's messages through a partner that stops and an engine that is killed
	@HILUM=$(HILUM) scripts/demo.sh

test: setup ## builds and runs every test
	@scripts/peers.sh
	@scripts/test.sh

lint: setup ## layout, walls between the rooms, scripts
	@scripts/lint.sh

format: ## lays out every Swift file
	swift format --in-place --parallel --recursive Package.swift Sources Tests

bench: setup ## the engine beside its floor, in a release build; BENCH="…" are options of `hilum bench`, SYNC_US=200 a slower disk
	swift build -c release --static-swift-stdlib --scratch-path .build-release -j $(JOBS) --product hilum
	$(if $(SYNC_US),scripts/slow-sync.sh $(SYNC_US)) .build-release/release/hilum bench $(BENCH)

crash: setup ## kill loops, power cuts (root), failing disks and the model of a lane, for longer than `make test`
	swift build -j $(JOBS) --build-tests
	HILUM_MODEL_RUNS=$${HILUM_MODEL_RUNS:-300} HILUM_KILLS=$${HILUM_KILLS:-200} \
	  swift test --skip-build --filter 'Crash|Kill|power|disk|LaneModel'

soak: setup ## a hospital for a while: SOAK_MINUTES=30, SOAK_CHANNELS=20, partners that fall ill, deployments and kills
	swift build -j $(JOBS) --build-tests
	HILUM_SOAK_SECONDS=$$(( 60 * $${SOAK_MINUTES:-30} )) HILUM_SOAK_CHANNELS=$${SOAK_CHANNELS:-20} \
	  swift test --skip-build --filter 'A hospital for half an hour'

examples: build ## runs the cases of what ships, and the commands of every Examples/*/README.md as they stand there
	@HILUM=$(HILUM) scripts/examples.sh

fuzz: setup ## hostile bytes for the readers of what comes from outside; FUZZ_SECONDS=60 each
	@scripts/fuzz.sh

generate: setup ## writes the pages that are made from the code
	swift build -j $(JOBS) --build-tests
	ACCEPT=1 HILT_ACCEPT=1 swift test --skip-build --filter 'GeneratedPagesTests|ReferenceTests'

clean: ## removes what was built
	rm -rf .build .build-release .build-fuzz
