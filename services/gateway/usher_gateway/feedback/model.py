"""Feedback on a reply."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class FeedbackRecorded(BaseModel):
    feedback_id: str
    conversation_id: str
    message_id: str
    status: Literal["recorded"] = "recorded"
