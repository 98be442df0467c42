"""The models on Google Cloud: `python -m usher_inference`."""

from __future__ import annotations

from fastapi import FastAPI

from usher_inference.app import VERSION, Deps, create_app
from usher_inference.playbook.engine import PlaybookEngine
from usher_inference.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.cloud import Cloud, main
from usher_shared.ids import UlidGenerator


def build(cloud: Cloud) -> FastAPI:
    return create_app(Settings(), Deps((PlaybookEngine(VERSION),), cloud.verifier, SystemClock(), UlidGenerator()))


if __name__ == "__main__":
    main("inference", build)
