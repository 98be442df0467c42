"""How long to wait before the next try: exponential with full jitter.

Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from __future__ import annotations

import random


def pause_seconds(failures: int, *, first: float, most: float) -> float:
    """A random pause after that many failures in a row (from 1): up to `first`, doubled each time, at most `most`."""
    return random.random() * min(first * 2.0 ** min(failures - 1, 30), most)
