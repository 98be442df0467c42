"""Files as documents: Markdown, text, JSON, CSV and PDF, each read within bounds."""

from usher_agent.knowledge.reading.files import SUFFIXES, Unreadable, find_files, read_document

__all__ = ["SUFFIXES", "Unreadable", "find_files", "read_document"]
