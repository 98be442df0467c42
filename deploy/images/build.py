"""Builds the services' images: `make images`, or `build.py [--weigh] [ROOM ...]`. Prints each image's id and tag.

Tags are `<prefix><room>:<tag>`, from USHER_IMAGE_PREFIX (`usher/`) and USHER_IMAGE_TAG (`dev`), as docker-compose.yaml
has them. `--weigh` adds what each image weighs by part: its base, third-party packages, own packages; unpacked, and
compressed as a registry keeps it.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from typing_extensions import Buffer

ROOT = Path(__file__).resolve().parents[2]
ROOMS = sorted(dockerfile.parent.name for dockerfile in ROOT.glob("services/*/Dockerfile"))
PARTS = ("base", "third-party", "own")
MB = 1_000_000


def build(room: str, tag: str) -> str:
    """The image's id. Raises CalledProcessError; what the build says goes to stderr."""
    command = ["docker", "build", "--quiet", "--file", f"services/{room}/Dockerfile", "--tag", tag, "."]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


class _Counter(io.RawIOBase):
    bytes = 0

    def write(self, data: Buffer) -> int:
        self.bytes += len(memoryview(data))
        return len(memoryview(data))


def _compressed(layer: IO[bytes]) -> int:
    counter = _Counter()
    with gzip.GzipFile(fileobj=counter, mode="wb", compresslevel=6) as packed:
        shutil.copyfileobj(layer, packed)
    return counter.bytes


def weigh(image: str, known: dict[str, int]) -> dict[str, tuple[float, float]]:
    """MB unpacked and compressed of each part. `known` keeps layers' compressed sizes: the base is packed once.

    The two topmost layers are third-party and own packages.
    """
    layers = []
    with tempfile.TemporaryFile() as saved:
        subprocess.run(["docker", "save", image], check=True, stdout=saved)
        saved.seek(0)
        with tarfile.open(fileobj=saved) as archive:
            read = cast(Callable[[str], IO[bytes]], archive.extractfile)  # no member here is a folder
            (manifest,) = json.load(read("manifest.json"))
            contents = json.load(read(manifest["Config"]))["rootfs"]["diff_ids"]
            for content, name in zip(contents, manifest["Layers"], strict=True):
                if content not in known:
                    known[content] = _compressed(read(name))
                layers.append((archive.getmember(name).size / MB, known[content] / MB))
    *base, third_party, own = layers
    return dict(zip(PARTS, (_sum(base), third_party, own), strict=True))


def _sum(sizes: Iterable[tuple[float, float]]) -> tuple[float, float]:
    unpacked, packed = zip(*sizes, strict=True)
    return sum(unpacked), sum(packed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=f"of {', '.join(ROOMS)}; all without any")
    parser.add_argument("--weigh", action="store_true", help="print sizes by part")
    arguments = parser.parse_args()
    prefix = os.environ.get("USHER_IMAGE_PREFIX", "usher/")
    version = os.environ.get("USHER_IMAGE_TAG", "dev")
    images = {}
    for room in arguments.rooms or ROOMS:
        tag = f"{prefix}{room}:{version}"
        images[room] = build(room, tag)
        print(images[room], tag, flush=True)
    if arguments.weigh:
        print("\nMB unpacked / compressed\n")
        print(f"| image | {' | '.join(PARTS)} | in all |\n|{'---|' * (len(PARTS) + 2)}")
        known: dict[str, int] = {}
        for room, image in images.items():
            parts = list(weigh(image, known).values())
            cells = (f"{unpacked:.1f} / {packed:.1f}" for unpacked, packed in [*parts, _sum(parts)])
            print(f"| {room} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
