"""The official Pub/Sub and Firestore emulators, as `host:port`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from emulators.starting import child, cloud_sdk, emulator_in_container
from served import HOST, free_port


@contextmanager
def pubsub_emulator(port: int | None = None) -> Iterator[str]:
    """From PUBSUB_EMULATOR_HOST, the installed CLI (on `port`) or a container, whose subscribers must be reachable."""
    given = os.environ.get("PUBSUB_EMULATOR_HOST")
    if given:
        yield given
        return
    sdk = cloud_sdk()
    jars = sorted((sdk / "platform/pubsub-emulator/lib").glob("cloud-pubsub-emulator-*-all.jar")) if sdk else []
    if jars:
        port = port or free_port()
        command = ["java", "-Xmx512m", "-jar", str(jars[-1]), f"--host={HOST}", f"--port={port}"]
        with child(command, port=port):
            yield f"{HOST}:{port}"
        return
    command_line = "gcloud beta emulators pubsub start --host-port=0.0.0.0:8085 --project=local"
    with emulator_in_container("the Pub/Sub emulator", command_line, 8085) as address:
        yield address


@contextmanager
def firestore_emulator() -> Iterator[str]:
    """From FIRESTORE_EMULATOR_HOST, the installed CLI or a container."""
    given = os.environ.get("FIRESTORE_EMULATOR_HOST")
    if given:
        yield given
        return
    sdk = cloud_sdk()
    jar = sdk / "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar" if sdk else None
    if jar is not None and jar.exists():
        port = free_port()
        main = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
        command = ["java", "-Xmx512m", "-Duser.language=en", "-cp", str(jar), main, "start", f"--host={HOST}"]
        with child([*command, f"--port={port}", "--project_id=local", "--single_project_mode=false"], port=port):
            yield f"{HOST}:{port}"
        return
    command_line = "gcloud beta emulators firestore start --host-port=0.0.0.0:8200 --project=local"
    with emulator_in_container("the Firestore emulator", command_line, 8200) as address:
        yield address
