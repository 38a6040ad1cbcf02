# Everything happens in deploy/setup; every target installs what it needs first.
PYTHON ?= python3
SETUP = @$(PYTHON) -m deploy.setup
export ARGS

help: ## what you are reading
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## install whatever is missing, then serve at http://127.0.0.1:8000 (PORT=… for another)
	$(SETUP) run

test: ## run every test (ARGS="-k power" for some)
	$(SETUP) test

check: ## ruff, pyright, import-linter, hadolint, buf, and the tests that count what people forget
	$(SETUP) check

bench: ## measure
	$(SETUP) bench

bench-models: ## compare models for the words of tips (ARGS="tip-generator assistant some/model")
	$(SETUP) bench-models

agent-eval: ## give the assistant twenty chores in a real machine (ARGS=--real: with the provider that is set up)
	$(SETUP) agent-eval

tips-eval: ## judge the tips' policy, and those who judge it (ARGS="policy gate" for some)
	$(SETUP) tips-eval

contracts: ## write the events' classes anew from proto/
	$(SETUP) contracts

image: ## build the guest image, if it changed
	$(SETUP) image

stop: ## end the virtual machines on this machine, and the libvirtd that `make run` started
	$(SETUP) stop

lock: ## take new versions into requirements.txt, within pyproject.toml's bounds
	$(SETUP) lock

.PHONY: help run test check bench bench-models agent-eval tips-eval contracts image stop lock
