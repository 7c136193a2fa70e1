"""Texts without the password of a URL that a setting names: drivers and clients quote the whole URL in their errors."""

from __future__ import annotations

import re
from urllib.parse import unquote

# As libpq takes a URL apart, in which a password may hold "#" and "?"; and what a mistaken "/" in it leaves before the
# last "@".
_CREDENTIALS = re.compile(r"://[^:/@]*:([^/@]*(?=@)|.*(?=@))")
_QUERY = re.compile(r"[?&](?:ssl)?password=([^&]*)")


def masked(text: str, url: str) -> str:
    """The text with ``***`` for the password of the URL, as it is written there and as it is meant."""
    written = [*_CREDENTIALS.findall(url), *_QUERY.findall(url)]
    # The whole before its pieces: of a password with a "/" a driver quotes what it took for a port.
    secrets = [piece for secret in written for piece in (secret, *secret.split("/"))]
    for form in [form for secret in secrets for form in (secret, unquote(secret)) if form]:
        text = text.replace(form, "***")
    return text
