"""What every Google Cloud composition root starts from: where the project's parts are, and who may call whom.

Each service's `__main__.py` has `build(cloud) -> FastAPI` and ends in `main(service, build)`. Clients are imported
where they are made, so that a service pays for what it uses. The compose stack builds on the same functions with a
`Cloud` of its own, whose tokens are not Google's.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import FastAPI
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from usher_shared.http.client import ServiceClient
from usher_shared.http.serving import chosen_exporter, run_app
from usher_shared.http.tokens import TokenSource, TokenVerifier
from usher_shared.telemetry import configure_logging, configure_tracing

if TYPE_CHECKING:
    from usher_shared.bus import EventBus
    from usher_shared.documents import DocumentStore

SERVICES = ("gateway", "agent", "inference", "tools", "logger", "webhooks", "trainer-job")


class CloudSettings(BaseSettings):
    """From the environment: USHER_PROJECT, USHER_SERVICE_URL, and what Cloud Run sets."""

    model_config = SettingsConfigDict(env_prefix="USHER_", extra="ignore")

    project: str = Field(description="the Google Cloud project", min_length=1)
    service_url: str = Field(
        description="where a service is, with {service} for its name, "
        "such as https://usher-{service}-123456789.europe-west1.run.app"
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")
    port: int = Field(default=8080, validation_alias="PORT", description="where to listen; Cloud Run sets it")

    @field_validator("service_url")
    @classmethod
    def _has_place(cls, value: str) -> str:
        if "{service}" not in value:
            raise ValueError("it needs {service} where the service's name stands")
        return value.rstrip("/")


@dataclass(frozen=True)
class Cloud:
    """`tokens` are what this service shows to others; `verifier` tells who calls.

    The emulators are `host:port` each; Google's own services without them.
    """

    settings: CloudSettings
    tokens: TokenSource
    verifier: TokenVerifier
    firestore_emulator: str | None = None
    pubsub_emulator: str | None = None

    @property
    def project(self) -> str:
        return self.settings.project

    def url(self, service: str) -> str:
        return self.settings.service_url.format(service=service)

    def store(self, service: str) -> DocumentStore:
        """The service's own Firestore database, `usher-<service>`."""
        from usher_shared.documents.firestore import FirestoreDocumentStore

        return FirestoreDocumentStore(self.project, f"usher-{service}", emulator=self.firestore_emulator)

    def bus(self) -> EventBus:
        from usher_shared.bus.pubsub import PubSubEventBus

        return PubSubEventBus(self.project, emulator_host=self.pubsub_emulator)

    def client(self, service: str, *, timeout_seconds: float = 30.0) -> ServiceClient:
        return ServiceClient(service, self.url(service), self.tokens, timeout_seconds=timeout_seconds)


def service_account(project: str, name: str) -> str:
    """The e-mail address of one of Usher's service accounts."""
    return f"usher-{name}@{project}.iam.gserviceaccount.com"


def callers(project: str, services: Iterable[str] = SERVICES) -> dict[str, str]:
    """Which caller each service account is: a service, Pub/Sub's pushes (`bus`) or the operator (`cli`)."""
    accounts = {service_account(project, service): service for service in services}
    return accounts | {service_account(project, "push"): "bus", service_account(project, "operator"): "cli"}


def google_cloud(settings: CloudSettings) -> Cloud:
    """Tokens are Google's: ID tokens of the service's own account, and of those that call it."""
    from usher_shared.http.google_tokens import GoogleTokenSource, GoogleTokenVerifier

    return Cloud(settings, GoogleTokenSource(), GoogleTokenVerifier(callers(settings.project)))


def main(service: str, build: Callable[[Cloud], FastAPI]) -> None:
    """Run the service on Google Cloud until SIGTERM. Nothing that it depends on has to be there yet."""
    start(service, build, google_cloud)


def start(service: str, build: Callable[[Cloud], FastAPI], connect: Callable[[CloudSettings], Cloud]) -> None:
    """Run the service in the cloud that `connect` makes. Ends the program for settings that are missing or wrong."""
    try:
        settings = CloudSettings()
        configure_logging(service, settings.log_level, project=settings.project)
        configure_tracing(service, chosen_exporter())
        app = build(connect(settings))
    except ValidationError as error:
        raise SystemExit(_what_is_wrong(error)) from error
    logging.getLogger("usher").info("starting", extra={"port": settings.port})
    run_app(app, host=os.environ.get("USHER_HOST", "0.0.0.0"), port=settings.port)  # noqa: S104  a container's only way to be reached


def _what_is_wrong(error: ValidationError) -> str:
    """Each setting by its variable, without the value: it may be a secret."""
    return "\n".join(
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']} (see docs/guides/google-cloud.md)"
        for problem in error.errors(include_input=False)
    )
