"""Settings from the environment (and `.env`): read once, frozen; a change needs a restart.

Config rows, which an admin changes while we run, are something else.
"""

import secrets
from contextlib import suppress
from functools import cached_property, lru_cache
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url


def _check_loopback(address: str) -> str:
    """Only a program of this very machine can stand in for others."""
    if address and urlsplit(address).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError("PROVIDERS_AT is for tests: it has to be an address of the loopback")
    return address.rstrip("/")


def _check_web(address: str) -> str:
    """We speak MLflow's REST API: a folder or a database, which its own client takes, is no such address."""
    if address and not address.startswith(("http://", "https://")):
        raise ValueError("MLFLOW_TRACKING_URI has to begin with https:// or http://")
    return address


class Settings(BaseSettings):
    """What an operator decides before the start. Every name is the name of an environment variable."""

    model_config = SettingsConfigDict(env_file=".env", frozen=True, extra="ignore", env_ignore_empty=True)

    pequeroku_home: Path = Path("var")
    """Folder for what must be kept: the database, the secret key, a local libvirtd's state."""
    image_dir: Path = Path("var/image")
    """Folder of the built guest image (`make image`)."""

    database_url: str = ""
    db_name: str = ""
    db_user: str = ""
    db_password: SecretStr = SecretStr("")
    db_host: str = "127.0.0.1"
    db_port: int = 5432
    redis_url: str = ""
    """Empty: one process, events and state in memory."""
    redis_prefix: str = "pequeroku:"
    nats_url: str = ""
    """Where events are mirrored to, for other programs. Empty: nowhere."""
    ml_serving_url: str = ""
    """Where `python -m backend.tips.serving` answers, if policies are to be asked there. Empty: in this process."""
    ml_serving_port: int = Field(default=8002, ge=1, le=65535)
    """And where it listens, on HOST."""

    mlflow_tracking_uri: Annotated[str, AfterValidator(_check_web)] = ""
    """An MLflow tracking server that is told of the tips' policies. Empty: none."""
    mlflow_tracking_token: SecretStr = SecretStr("")
    """What it is shown as a bearer token. Empty: nothing."""
    mlflow_experiment_name: str = "pequeroku-tips"
    """Where the policies' runs are there."""

    secret_key: SecretStr = SecretStr("")
    secret_keys_before: SecretStr = SecretStr("")
    """Former values of SECRET_KEY, comma-separated: they open what they sealed, and seal nothing any more."""
    providers_at: Annotated[str, AfterValidator(_check_loopback)] = ""
    """For tests alone: an address on this machine's loopback that stands in for Todoist and Google. Calendars may be
    read from the loopback, too, then."""
    superuser_username: str = "admin"
    superuser_password: SecretStr = SecretStr("")
    superuser_email: str = ""
    admin_token: SecretStr = SecretStr("")
    """Lets programs sign in as the first administrator, for a day. Empty: nobody may."""
    session_days: int = Field(default=14, ge=1, le=365)

    debug: bool = False
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    allowed_hosts: str = "localhost,127.0.0.1"
    """Comma-separated names under which browsers reach us; WebSockets from other origins are refused."""
    https: bool = False
    """Served over TLS by a proxy in front: cookies are then marked Secure."""
    trusted_proxy_hops: int = Field(default=0, ge=0, le=9)
    """Proxies in front that each add to X-Forwarded-For. Without it everybody behind them is one guesser."""

    api_rate: int = Field(default=1200, ge=0)
    """Requests to the API that a person, or each of their keys, may make a minute; 0: as many as they like.
    As many log-ins, sessions and places connected to may come by SSH."""
    api_rate_strangers: int = Field(default=120, ge=0)
    """The same for all at one address who are not signed in."""
    preview_port: int = Field(default=8001, ge=0, le=65535)
    """Where previews of what runs in containers are served, apart from our own pages. 0: nowhere."""
    preview_domain: str = "localhost"
    """Previews are at `<label>.<this>`. With `:port` where browsers reach them at another one than we listen on."""

    ssh_port: int = Field(default=2222, ge=0, le=65535)
    """Where people's own `ssh` gets into their containers. 0: nowhere."""
    ssh_host: str = ""
    """The address that the SSH gateway listens on, where that is another than HOST: no web proxy stands before it."""

    metrics_token: SecretStr = SecretStr("")
    """Who sends it as a bearer token may read /metrics. Empty: only this machine itself may."""
    tasks_metrics_port: int = Field(default=0, ge=0, le=65535)
    """Where `python -m backend.tasks` tells Prometheus of itself, on HOST. 0: nowhere."""
    run_tasks: bool = True
    """Reconcile in the web process. False where `python -m backend.tasks` runs beside it."""
    local_node_uri: str = ""
    """libvirt URI of this machine's own node; `make run` sets it."""
    node_acceleration: Literal["probe", "kvm", "tcg"] = "probe"
    cpu_overcommit: float = Field(default=4.0, ge=1, le=32)
    """vCPUs offered per physical core. Memory is never overcommitted."""
    guest_network: IPv4Network = IPv4Network("10.213.0.0/16")
    guest_dns: str = "1.1.1.1,9.9.9.9"
    """Resolvers the guests use, comma-separated. Guests reach no address of the node itself, not even for DNS."""
    boot_timeout_s: int = Field(default=180, ge=1)
    stop_grace_s: int = Field(default=90, ge=1)
    live_migration: Literal["tls", "plain", "off"] = "tls"
    """How the memory of running machines crosses the network between nodes."""
    move_warning_s: int = Field(default=60, ge=0)

    @cached_property
    def url(self) -> URL:
        """Where the data is: DATABASE_URL, else the DB_* variables, else SQLite in the home folder."""
        if self.database_url:
            url = make_url(self.database_url)
            drivers = {
                "postgresql": "postgresql+psycopg",
                "postgres": "postgresql+psycopg",
                "sqlite": "sqlite+aiosqlite",
            }
            return url.set(drivername=drivers.get(url.drivername, url.drivername))
        if self.db_name:
            password = self.db_password.get_secret_value() or None
            return URL.create("postgresql+psycopg", self.db_user, password, self.db_host, self.db_port, self.db_name)
        return URL.create("sqlite+aiosqlite", database=str(self.pequeroku_home.absolute() / "pequeroku.sqlite3"))

    @cached_property
    def dashboard(self) -> str:
        """The origin of our own pages, as links to them begin."""
        return self.origins[0] if self.https or self.port == 80 else self.origins[len(self.origins) // 2]

    def preview_origin(self, label: str) -> str:
        """The web origin of one preview."""
        is_default = self.https or ":" in self.preview_domain
        host = f"{label}.{self.preview_domain}" + ("" if is_default else f":{self.preview_port}")
        return f"{'https' if self.https else 'http'}://{host}"

    @cached_property
    def key(self) -> bytes:
        """The secret that seals what is kept encrypted: SECRET_KEY, or one made at the first start and kept."""
        if given := self.secret_key.get_secret_value():
            return given.encode()
        path = self.pequeroku_home / "secret_key"
        if not path.exists():
            self.pequeroku_home.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(f".{secrets.token_hex(4)}")
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_urlsafe(48))
            with suppress(FileExistsError):  # another process was first: its key is the key
                path.hardlink_to(fresh)
            fresh.unlink()
        return path.read_text().strip().encode()

    @cached_property
    def keys_before(self) -> tuple[bytes, ...]:
        """The former secrets, newest first."""
        given = self.secret_keys_before.get_secret_value().split(",")
        return tuple(each.strip().encode() for each in given if each.strip())

    @cached_property
    def origins(self) -> list[str]:
        """The web origins that browsers may open our sockets from."""
        scheme = "https" if self.https else "http"
        hosts = [host.strip() for host in self.allowed_hosts.split(",") if host.strip()]
        return [f"{scheme}://{host}" for host in hosts] + [f"{scheme}://{host}:{self.port}" for host in hosts]


@lru_cache
def settings() -> Settings:
    """The process's settings, read at the first call."""
    return Settings()
