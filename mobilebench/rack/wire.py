"""How a client and the scheduler talk over their TLS connection: frames of UTF-8 text, and no others.

A frame is its length (4 bytes, big-endian), then that many bytes. A question is the operation's name, a blank and the
JSON text; its answer is the JSON text. One question is answered before the next one is read.
"""

from __future__ import annotations

import struct

from mobilebench.core.errors import BadInput
from mobilebench.rack.messages import LONGEST_QUESTION, OPERATIONS

HEADER = struct.Struct(">I")
LONGEST_FRAME = LONGEST_QUESTION + 100


def frame(text: str) -> bytes:
    """The bytes of one frame."""
    content = text.encode()
    return HEADER.pack(len(content)) + content


def question_in(content: bytes) -> tuple[str, str]:
    """The operation and the JSON text of a question's frame.

    Raises:
        BadInput: it is no text, or no such operation.
    """
    try:
        name, _, text = content.decode().partition(" ")
    except UnicodeDecodeError as error:
        raise BadInput("A question to a rack is JSON text.") from error
    if name not in OPERATIONS:
        raise BadInput(f"A rack has no operation “{name[:60]}”.")
    return name, text
