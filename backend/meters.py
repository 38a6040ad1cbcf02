"""What this process counts about itself, for Prometheus. Names and units follow its conventions.

What is true of the whole installation (containers, nodes) is read when somebody asks: services/observing.py.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW = (0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60, 120, 300)

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

REQUESTS = Counter(
    "pequeroku_http_requests", "HTTP requests that were answered", ["method", "route", "status"], registry=REGISTRY
)
REQUEST_SECONDS = Histogram(
    "pequeroku_http_request_duration_seconds", "How long an answer took", ["route"], buckets=_QUICK, registry=REGISTRY
)
SOCKETS = Gauge("pequeroku_websocket_connections", "Sockets that are open", ["route"], registry=REGISTRY)
START_SECONDS = Histogram(
    "pequeroku_container_start_seconds", "From the wish to the guest's answer", buckets=_SLOW, registry=REGISTRY
)
PASS_SECONDS = Histogram(
    "pequeroku_reconcile_pass_seconds", "A look at a whole node", ["node"], buckets=_QUICK, registry=REGISTRY
)
SAMPLE_SECONDS = Histogram(
    "pequeroku_usage_sample_seconds", "Asking a node what its machines use", ["node"], buckets=_QUICK, registry=REGISTRY
)
EXEC_SECONDS = Histogram(
    "pequeroku_exec_duration_seconds", "A command in a guest", ["outcome"], buckets=_QUICK, registry=REGISTRY
)
ERRORS = Counter("pequeroku_errors", "Bugs and faults that were logged as errors", ["logger"], registry=REGISTRY)


def own_text() -> bytes:
    """All of it, in Prometheus' text form."""
    return generate_latest(REGISTRY)
