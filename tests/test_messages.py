"""Every message on wrong input is in one list for review, and in one pattern."""

from __future__ import annotations

import re

from messages import LIST, messages

PATTERN = re.compile(r"(must|cannot|is missing|has … more)\b")


def test_the_list_is_that_of_the_code() -> None:
    """A changed message shows in review: `make docs` writes the list anew."""
    assert LIST.read_text(encoding="utf-8").splitlines() == messages()


def test_every_message_completes_a_sentence_that_begins_with_the_key() -> None:
    """«<file>:<line>: <key> must …, got …; did you mean …?»: place, key and the rest are added by `errors.Problem`."""
    assert len(messages()) > 200
    assert [text for text in messages() if not PATTERN.match(text)] == []


def test_no_message_says_twice_what_was_found() -> None:
    """What was found stands in the field of its own, so that programs and people find it in the same place."""
    assert [text for text in messages() if "(found" in text or "did you mean" in text] == []
