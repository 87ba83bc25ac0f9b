# The commands a newcomer needs. Each creates .venv and installs what it uses.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
NATIVE := $(shell find delegate -name '*.cc' -o -name '*.h' -o -name '*.c')
CPP_TESTS := $(shell find tests benchmarks -name '*.cc' -o -name '*.h' -o -name '*.c')
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: demo test lint format bench docs sanitize fuzz libfuzzer android web wheel clean

demo: $(VENV)/.installed
	@$(RUN)/tfsparse demo $(ARGS)

# A process a core, up to 4: each holds TensorFlow. Tests of one file share one, and what they build.
# Files run in the order of tests/conftest.py.
test: $(VENV)/.installed
	$(RUN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder \
		$(ARGS)

lint: $(VENV)/.installed
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/clang-format --dry-run --Werror $(NATIVE) $(CPP_TESTS)

format: $(VENV)/.installed
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .
	$(RUN)/clang-format -i $(NATIVE) $(CPP_TESTS)

bench: $(VENV)/.installed
	$(RUN)/python benchmarks/latency.py
	$(RUN)/python benchmarks/training.py

# A site of the pages in docs/, to open at build/docs/index.html. A dead link is an error.
docs: $(VENV)/.installed
	@NO_MKDOCS_2_WARNING=1 $(RUN)/mkdocs build
	@echo build/docs/index.html

# Only a C++ compiler with its sanitizers and Python are needed, no package.
sanitize:
	$(PYTHON) -m tests.delegate.sanitize

# Random float and int8 graphs, other ones every time, then libFuzzer where clang has it: what fails is printed and
# kept under build/.
N ?= 5000
SECONDS ?= 60
fuzz: $(VENV)/.installed
	TFSPARSE_GRAPHS=$(N) $(RUN)/python -m pytest -s --timeout 0 tests/delegate/test_random_graphs.py
	@$(MAKE) --no-print-directory libfuzzer

libfuzzer: $(VENV)/.installed
	$(RUN)/python -m tests.delegate.libfuzzer --seconds $(SECONDS)

# Fails with the name of a Debian package where $(1) does.
need = @$(1) >/dev/null 2>&1 || { echo "tfsparse needs $(2): apt-get install $(3)" >&2; exit 1; }
PYTHON_H = $$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h

# Editable, so that Python edits need no reinstall; an edit of the native part does.
$(VENV)/.installed: pyproject.toml setup.py delegate/flags.bzl delegate/sources.py $(NATIVE)
	$(call need,command -v $(CXX),a C++ compiler,g++)
	$(call need,$(PYTHON) -m ensurepip --version,Python's venv,python3-venv)
	$(call need,test -f "$(PYTHON_H)",Python's headers,python3-dev)
	@echo "Installing tfsparse and TensorFlow into $(VENV): some minutes the first time."
	@test -x $(RUN)/pip || $(PYTHON) -m venv $(VENV)
	@$(RUN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# Libraries for Android's processors and an AAR around them, in dist/android. No NDK is needed: the
# compiler is the package ziglang.
android: $(VENV)/.installed
	$(call need,command -v javac,a Java compiler,default-jdk-headless)
	@$(RUN)/python -m delegate.packaging.android.build

# An npm package for browsers and Node, in dist/web. Emscripten is not needed: the compiler is ziglang's.
web: $(VENV)/.installed
	@$(RUN)/python -m delegate.packaging.web

# For Linux on x86-64 and arm64, in dist. The compiler is that of ziglang again.
wheel: $(VENV)/.installed
	@$(RUN)/python -m delegate.packaging.wheels
	@TFSPARSE_WHEELS=dist $(RUN)/python -m pytest tests/delegate/packaging/test_wheels.py

clean:
	rm -rf $(VENV) build dist *.egg-info tfsparse/_native*.so
