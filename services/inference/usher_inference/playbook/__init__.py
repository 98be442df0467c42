"""The offline engine's dialogue policy: deterministic, stateless, and bound to what the tools answered."""

from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.policy import next_act
from usher_inference.playbook.transcript import Heard, HeardCall

__all__ = ["Act", "Call", "Heard", "HeardCall", "Say", "next_act"]
