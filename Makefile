# Every task by name; the work itself is CMake's. `make` alone lists the targets.
JOBS ?= $(shell nproc)
BUILD := build

.PHONY: help setup configure build demo demo-cnn tutorial setup-test test test-all asan bench format lint clean

help:
	@echo "make demo      everything at once: packages, build, train, compile, simulate, firmware on the emulated board, summary"
	@echo "make demo-cnn  the same for a convolutional network: training takes about ten minutes"
	@echo "make tutorial  packages, Jupyter, build, and the notebooks in the browser"
	@echo "make test      packages, build, all tests"
	@echo "make test-all  the same with the slow sweeps"
	@echo "make setup     install the Debian packages that are missing"
	@echo "make build     packages and build; the program is $(BUILD)/qloom"
	@echo "make asan      all tests under AddressSanitizer and UndefinedBehaviorSanitizer"
	@echo "make bench     the measured table of the README"
	@echo "make format    clang-format over the sources"
	@echo "make lint      clang-tidy over the sources, Verilator lint over the RTL"
	@echo "make clean     remove the build folders"

setup:
	@scripts/setup.sh

configure: setup
	@cmake --preset release >$(BUILD)-configure.log 2>&1 || { cat $(BUILD)-configure.log; exit 1; }
	@mkdir -p $(BUILD) && mv $(BUILD)-configure.log $(BUILD)/configure.log

build: configure
	cmake --build --preset release -j $(JOBS)

# The demo needs the program only, not the tests.
demo: configure
	cmake --build --preset release -j $(JOBS) --target program
	@scripts/demo.sh $(BUILD)/qloom $(BUILD)/demo

demo-cnn: configure
	cmake --build --preset release -j $(JOBS) --target program
	@scripts/demo_cnn.sh $(BUILD)/qloom $(BUILD)/demo-cnn

tutorial: configure
	@scripts/setup.sh tutorial
	cmake --build --preset release -j $(JOBS) --target program
	@scripts/tutorial.sh $(BUILD)

setup-test:
	@scripts/setup.sh test

test: setup-test build
	ctest --preset release -j $(JOBS)

test-all: setup-test build
	ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

asan: setup
	cmake --preset asan
	cmake --build --preset asan -j $(JOBS)
	ctest --preset asan -j $(JOBS)

bench: build
	bench/run.sh $(BUILD)

format:
	git ls-files '*.cpp' '*.h' | xargs clang-format -i

lint: build
	git ls-files 'src/*.cpp' | xargs -P $(JOBS) -n 4 clang-tidy --quiet -p $(BUILD)
	verilator --lint-only -Wall rtl/lint.vlt rtl/*.sv

clean:
	rm -rf build build-dev build-asan
