"""The bytes of a delivered file on their way to its rows: fingerprint, gzip, strict decoding, one after the other.

Whatever is wrong with them is a ``Refused``: the rule, and a sentence that says where (byte, line) and what was
expected. It never quotes the content: what is refused may be the very thing that must be written nowhere.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zlib
from typing import BinaryIO

CHUNK = 1 << 20
GZIP = b"\x1f\x8b"
UTF8 = "utf-8"


class Refused(Exception):
    """A file that cannot be taken as it is: ``rule`` names what it broke, ``detail`` says where and what to expect."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(rule, detail)
        self.rule = rule
        self.detail = detail


class Fingerprint(io.RawIOBase):
    """Passes a stream through and takes the SHA-256 and the number of the bytes that went by."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._sha256 = hashlib.sha256()
        self._digest: str | None = None
        self.bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._sha256.update(data)
        self.bytes += len(data)
        return len(data)

    def finish(self) -> str:
        """Read what is left and give the SHA-256 of all of it, in hexadecimal digits.

        Asked again it says the same: a reader of Parquet has moved about in the stream since.
        """
        if self._digest is None:
            while self.read(CHUNK):
                pass
            self._digest = self._sha256.hexdigest()
        return self._digest


class Text(io.RawIOBase):
    """The file's text as UTF-8 bytes, without a byte order mark: unzipped where it is gzip, strictly decoded.

    ``problem`` keeps what was refused, since a reader in between may wrap or swallow the exception; ``quotes`` counts
    the quote characters that went by.
    """

    def __init__(self, raw: Fingerprint, encoding: str, quote: str = '"') -> None:
        self.problem: Refused | None = None
        self.quotes = 0
        self._quote = quote.encode()
        buffered = io.BufferedReader(raw, CHUNK)
        self._raw = raw
        self._is_gzip = buffered.peek(2)[:2] == GZIP
        self._source = gzip.GzipFile(fileobj=buffered) if self._is_gzip else buffered
        self._is_utf8 = codecs.lookup(encoding).name == UTF8
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._at, self._line = 0, 1
        self._tail = b""  # bytes of a character that the last chunk cut
        self._ready = memoryview(b"")
        self._is_start, self._is_end = True, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while not self._ready and not self._is_end:
            try:
                self._ready = memoryview(self._next())
            except Refused as problem:
                self.problem = problem
                raise
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def buffered(self) -> io.BufferedReader:
        """The text with read-ahead, to take lines from."""
        return io.BufferedReader(self, CHUNK)

    def _next(self) -> bytes:
        """The next chunk of text; may be empty although there is more."""
        data = self._read()
        self._is_end = not data
        try:
            text = self._decoder.decode(data, final=self._is_end)
        except UnicodeDecodeError as error:
            raise self._undecodable(error) from None
        if self._is_start and text:
            self._is_start = False
            text = text.removeprefix("\ufeff")
        decoded = text.encode()
        if b"\0" in decoded:
            line = self._line + decoded[: decoded.index(b"\0")].count(b"\n")
            detail = f"line {line}: a zero byte; expected text in {self._encoding} (is it UTF-16, or no text?)"
            raise Refused("encoding", detail)
        self.quotes += decoded.count(self._quote)
        self._line += decoded.count(b"\n")
        self._at += len(data)
        self._tail = self._decoder.getstate()[0]
        return decoded

    def _read(self) -> bytes:
        try:
            return self._source.read(CHUNK)
        except EOFError:
            detail = f"the gzip stream ends after {self._raw.bytes:,} bytes without its end mark: the file is cut off"
        except (gzip.BadGzipFile, zlib.error) as error:
            detail = f"the gzip stream is damaged, seen within the first {self._raw.bytes:,} bytes ({error})"
        raise Refused("gzip", f"{detail}; deliver it again whole")

    def _undecodable(self, error: UnicodeDecodeError) -> Refused:
        before = error.object[: error.start]
        byte = self._at - len(self._tail) + error.start
        where = f"line {self._line + before.count(10)}, byte {byte:,} (0x{error.object[error.start]:02x})"
        expected = f"expected text in {self._encoding}; deliver it so, or set options.encoding in store.yml"
        return Refused("encoding", f"{where} is not {self._encoding}: {expected}")
