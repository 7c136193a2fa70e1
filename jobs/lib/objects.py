"""Objects under a root, which is a folder or ``s3://bucket/prefix``: what landing reads and publication writes.

The same promises hold for both kinds, so that a store moves from a folder to S3 by a setting:

- an object is whole or absent, never half written;
- ``put(..., if_absent=True)`` succeeds for one of many writers, ``put(..., if_match=etag)`` only over the content
  that the writer has seen; otherwise :class:`PreconditionFailed`;
- keys are listed in the order of their UTF-8 bytes, however many there are.

A store is a small frozen object without open connections: it travels into Spark tasks by pickling.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from jobs.lib.errors import DaybreakError

STAGING = ".daybreak-"  # names of files still being written, and of the lock: never listed
LOCK = f"{STAGING}lock"
CHUNK = 1 << 20  # bytes read at a time where a whole object is hashed or copied


class ObjectMissing(DaybreakError):
    """There is no object of this key."""


class PreconditionFailed(DaybreakError):
    """A conditional put met other content than its condition allows: another writer was first."""


@dataclass(frozen=True)
class Object:
    """What a listing tells: ``key`` below the root, ``size`` in bytes, ``modified_at`` in UTC."""

    key: str
    size: int
    modified_at: datetime


class ObjectStore(Protocol):
    """The interface of both kinds; keys are relative, with ``/`` between their parts."""

    @property
    def root(self) -> str:
        """The folder's absolute path, or ``s3://bucket/prefix``."""

    def uri(self, key: str) -> str:
        """Where the object lies, for manifests and messages."""

    def list(self, prefix: str = "") -> Iterator[Object]:
        """Objects whose key begins with ``prefix`` (any text, as in S3), in order; nothing when there are none."""

    def read(self, key: str) -> bytes:
        """All bytes of an object that is known to be small; :class:`ObjectMissing` when there is none."""

    def open(self, key: str) -> BinaryIO:
        """A buffered, seekable stream of an object of any size; a broken connection is taken up where it broke."""

    def put(self, key: str, data: bytes | Path, if_match: str | None = None, if_absent: bool = False) -> str:
        """Write the bytes, or the file at the path, as one object; returns its etag."""

    def etag(self, key: str) -> str | None:
        """An opaque mark of the present content, for ``if_match``; None when there is no object."""

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; keys without one are passed over."""


def open_store(root: str | Path, settings: Any) -> ObjectStore:
    """The store at ``root``: ``s3://bucket/prefix``, or a folder (made by the first put).

    ``settings`` gives ``s3_endpoint``, ``s3_region`` and ``s3_encryption``; credentials come from boto3's own chain
    (environment, profile, role). Raises DaybreakError for a scheme that is neither.
    """
    text = str(root)
    scheme, separator, rest = text.partition("://")
    if not separator:
        return FolderStore(os.path.abspath(os.path.expanduser(text)))
    if scheme == "file":
        return FolderStore(os.path.abspath(rest))
    if scheme not in ("s3", "s3a"):
        raise DaybreakError(f"'{text}' is neither a folder nor s3://bucket/prefix: correct the setting that names it.")
    from jobs.lib.s3 import S3Store  # boto3 costs a third of a second: only those who use S3 wait for it

    bucket, _, prefix = rest.partition("/")
    if not bucket:
        raise DaybreakError(f"'{text}' names no bucket: expected s3://bucket/prefix.")
    return S3Store(bucket, prefix.strip("/"), settings.s3_endpoint, settings.s3_region, settings.s3_encryption)


def checked_key(key: str) -> str:
    """The key itself; a key that could leave the root or that folders cannot hold is a programming error."""
    if not key or key.startswith("/") or any(part in ("", ".", "..") for part in key.split("/")):
        raise ValueError(f"not a key below a root: {key!r}")
    return key


def as_stream(data: bytes | Path) -> BinaryIO:
    """The bytes, or the file at the path, to read from."""
    return io.BytesIO(data) if isinstance(data, bytes) else data.open("rb")


def sweep(store: ObjectStore, before: datetime) -> int:
    """Removes from a folder what puts that were killed ``before`` a moment (UTC) left; returns how many. A
    bucket's own lifecycle rule does so there (docs/s3.md)."""
    if not isinstance(store, FolderStore):
        return 0
    old = 0
    for path in Path(store.root).rglob(f"{STAGING}*"):
        with contextlib.suppress(FileNotFoundError):  # just taken by its own put
            if path.name != LOCK and path.stat().st_mtime < before.timestamp():
                path.unlink()
                old += 1
    return old


@dataclass(frozen=True)
class FolderStore:
    """Objects as files below a folder of a local or mounted file system."""

    root: str

    def uri(self, key: str) -> str:
        return os.path.join(self.root, key)

    def list(self, prefix: str = "") -> Iterator[Object]:
        with _explained("list", self.uri(prefix)):
            yield from self._walk(prefix.rpartition("/")[0], prefix)

    def _walk(self, folder: str, prefix: str) -> Iterator[Object]:
        try:
            with os.scandir(self.uri(folder) if folder else self.root) as found:
                # S3 compares whole keys, where a folder's name is followed by "/"
                entries = sorted((e.name + "/" * e.is_dir(), e) for e in found if not e.name.startswith(STAGING))
        except FileNotFoundError:
            return
        for name, entry in entries:
            key = f"{folder}/{name}" if folder else name
            if name.endswith("/"):
                if key.startswith(prefix) or prefix.startswith(key):
                    yield from self._walk(key[:-1], prefix)
            elif key.startswith(prefix):
                with contextlib.suppress(FileNotFoundError):  # taken away since the folder was read
                    stat = entry.stat()
                    yield Object(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))

    def read(self, key: str) -> bytes:
        with self.open(key) as stream, _explained("read", self.uri(key)):
            return stream.read()

    def open(self, key: str) -> BinaryIO:
        with _explained("read", self.uri(checked_key(key))):
            return open(self.uri(key), "rb", buffering=CHUNK)

    def put(self, key: str, data: bytes | Path, if_match: str | None = None, if_absent: bool = False) -> str:
        target = self.uri(checked_key(key))
        with _explained("write", target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            staged = os.path.join(os.path.dirname(target), f"{STAGING}{uuid.uuid4().hex}")
            try:
                with as_stream(data) as source, open(staged, "xb") as sink:
                    shutil.copyfileobj(source, sink, CHUNK)
                    sink.flush()
                    os.fsync(sink.fileno())
                with self._lock():  # every rename, so that a condition still holds when its rename happens
                    if if_absent:
                        self._link(staged, target)
                    elif if_match is not None and self.etag(key) != if_match:
                        raise PreconditionFailed(f"{target} has changed since it was read: another run wrote it.")
                    else:
                        os.replace(staged, target)
                _sync_folder(os.path.dirname(target))
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(staged)
        return _etag(data)

    @staticmethod
    def _link(staged: str, target: str) -> None:
        try:
            os.link(staged, target)
        except FileExistsError as error:
            raise PreconditionFailed(f"{target} is already there: another run wrote it.") from error
        except OSError as error:  # some mounted file systems have no hard links; the lock alone must do there
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
                raise
            if os.path.exists(target):
                raise PreconditionFailed(f"{target} is already there: another run wrote it.") from error
            os.replace(staged, target)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with open(os.path.join(self.root, LOCK), "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # freed by closing, also when the process dies
            yield

    def etag(self, key: str) -> str | None:
        try:
            return _etag(Path(self.uri(checked_key(key))))
        except FileNotFoundError:
            return None

    def exists(self, key: str) -> bool:
        return os.path.isfile(self.uri(checked_key(key)))

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            path = self.uri(checked_key(key))
            with contextlib.suppress(FileNotFoundError), _explained("delete", path):
                os.unlink(path)
                folder = os.path.dirname(path)
                with contextlib.suppress(OSError):  # S3 has no empty folders, so none stay here either
                    while folder != self.root:
                        os.rmdir(folder)
                        folder = os.path.dirname(folder)


def measured(store: ObjectStore, key: str) -> tuple[int, str]:
    """Size in bytes and sha256 of an object, which is read whole; :class:`ObjectMissing` when there is none."""
    digest, size = hashlib.sha256(), 0
    with store.open(key) as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def _etag(data: bytes | Path) -> str:
    digest = hashlib.sha256()
    with as_stream(data) as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _sync_folder(folder: str) -> None:
    """Make a rename outlive a power failure; not every file system lets a folder be synced."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _explained(action: str, path: str) -> Iterator[None]:
    """Turn the operating system's refusals into a sentence that says what to do."""
    try:
        yield
    except FileNotFoundError as error:
        if action == "delete":
            raise
        raise ObjectMissing(f"There is no file {path}.") from error
    except PermissionError as error:
        advice = "give this user the right to, or set another folder."
        raise DaybreakError(f"Not allowed to {action} {path}: {advice}") from error
    except OSError as error:
        advice = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "mend that"
        why = f"Could not {action} {path}: {error.strerror}"
        raise DaybreakError(f"{why}; {advice}, then run the same command again.") from error
