"""Looking at an uploaded image: is it one, of which format, and not too large.

What is here: `look_at`, which Pillow does the work of. What is not: where images come from (`image_fetch`, forms) and
where they are kept (`storage.media`). The content decides, whatever name or type was given with it. Pixels are never
unpacked, so that a small file cannot fill the memory.
Source: the published operations on images (jpeg, png, gif; at most 5 MB).

Our choice: an image has at most 50 million pixels.
"""

from __future__ import annotations

import warnings
from io import BytesIO

from PIL import Image

LARGEST = 5 * 1024 * 1024
MOST_PIXELS = 50_000_000
FORMATS = {"JPEG": "jpeg", "PNG": "png", "GIF": "gif"}
END_OF_JPEG = b"\xff\xd9"
TAIL = 64 * 1024
"""Bytes behind an image that cameras may append."""
TAKEN = "jpeg, png and gif"


class NotAnImage(ValueError):
    """Content that is not taken; the message is a sentence without its full stop."""


def look_at(content: bytes) -> str:
    """Return the format of an image: jpeg, png or gif. This blocks; raises `NotAnImage`."""
    if not content:
        raise NotAnImage("The image is empty")
    if len(content) > LARGEST:
        raise NotAnImage(f"The image has {len(content)} bytes; at most {LARGEST} (5 MB) are taken")
    try:
        return _format(content)
    except NotAnImage:
        raise
    except Exception as error:  # Pillow's readers raise whatever their formats make them stumble over
        raise NotAnImage(f"The content is not an image that can be read; {TAKEN} are taken") from error


def _format(content: bytes) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(BytesIO(content), formats=tuple(FORMATS)) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise NotAnImage(f"The image has {width} x {height} pixels; at most {MOST_PIXELS} are taken")
            kind = FORMATS[image.format or ""]
            if kind == "jpeg" and END_OF_JPEG not in content[-TAIL:]:  # which Pillow notices only with the pixels
                raise NotAnImage("The image is cut off")
            image.verify()
            return kind
