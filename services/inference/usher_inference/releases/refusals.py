"""Releases that this instance turned down, and why, until they serve or are others under the same version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from usher_inference.releases.model import Failure
from usher_shared.contracts.releases import Release

_KEPT = 50


class Refusals:
    """The latest of each version."""

    def __init__(self) -> None:
        self._known: dict[str, Failure] = {}  # the oldest first

    def add(self, failure: Failure) -> None:
        self._known.pop(failure.version, None)
        self._known[failure.version] = failure
        for oldest in list(self._known)[:-_KEPT]:
            del self._known[oldest]

    def forget(self, versions: Sequence[str]) -> None:
        """They serve."""
        for version in versions:
            self._known.pop(version, None)

    def of(self, releases: Sequence[Release]) -> Mapping[str, Failure]:
        """Those that still hold, the latest first, by version; `releases` are what can be read in the store now."""
        hashes = {each.version: each.sha256 for each in releases}
        return {
            version: each
            for version, each in reversed(self._known.items())
            if hashes.get(version, each.sha256) == each.sha256
        }
