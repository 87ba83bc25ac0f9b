# The commands a newcomer needs. Each creates .venv and installs what it uses.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
NATIVE := $(shell find delegate -name '*.cc' -o -name '*.h')
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: demo test lint format bench clean

demo: $(VENV)/.installed
	$(RUN)/python -m tfsparse.demo $(ARGS)

test: $(VENV)/.installed
	$(RUN)/python -m pytest $(ARGS)

lint: $(VENV)/.installed
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/clang-format --dry-run --Werror $(NATIVE)

format: $(VENV)/.installed
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .
	$(RUN)/clang-format -i $(NATIVE)

bench: $(VENV)/.installed
	$(RUN)/python benchmarks/latency.py
	$(RUN)/python benchmarks/training.py

# Editable, so that Python edits need no reinstall; an edit of the native part does.
$(VENV)/.installed: pyproject.toml setup.py $(NATIVE)
	test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info tfsparse/_native*.so
