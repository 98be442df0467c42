"""The EventBus port and the push envelope that subscribers receive in both worlds."""

from usher_shared.bus.ports import EventBus
from usher_shared.bus.push import PushEnvelope, decode_push, encode_push, is_wanted

__all__ = ["EventBus", "PushEnvelope", "decode_push", "encode_push", "is_wanted"]
