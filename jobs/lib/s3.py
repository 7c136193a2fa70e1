"""Objects in an S3 bucket, by boto3: Amazon's, or any other that speaks its protocol (``DAYBREAK_S3_ENDPOINT``).

Retries with growing pauses are botocore's own (500, 503 SlowDown, time-outs, resets). What it leaves to us: a stream
that breaks while it is read, a conditional put that was done although its answer got lost, and words that say what
to do about a missing bucket, a wrong region or expired credentials.
"""

from __future__ import annotations

import contextlib
import functools
import io
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore import exceptions
from botocore.client import BaseClient
from botocore.config import Config

from jobs.lib.errors import DaybreakError
from jobs.lib.objects import CHUNK, Object, ObjectMissing, PreconditionFailed, as_stream, checked_key

ATTEMPTS = 8  # of one request: pauses grow to 20 s, about a minute in all
PART = 16 << 20  # bytes of a part in a multipart upload, which also begins at this size
CONNECT_SECONDS, READ_SECONDS = 10, 60  # of silence, after which a request is made again
DELETE_BATCH = 1000  # the protocol's own limit

_MISSING = ("NoSuchKey", "404", "NotFound")
_REFUSED_CONDITION = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")
_OTHER_REGION = ("PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException")
_EXPIRED = "the credentials have expired. Renew them (AWS_SESSION_TOKEN, sign-in or role), then run again."
_UNKNOWN = "the server does not accept these credentials. Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
_DENIED = "access denied. The policy must allow it (where it denies listing, a missing object reads like this too)."
_BUSY = f"the server was overloaded in {ATTEMPTS} attempts. Run the same command again later."
_ABSENT = "no credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run under a role."
_ADVICE = {
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"), _EXPIRED),
    **dict.fromkeys(("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"), _UNKNOWN),
    **dict.fromkeys(("AccessDenied", "403", "AllAccessDisabled"), _DENIED),
    **dict.fromkeys(("SlowDown", "503", "500", "InternalError", "ServiceUnavailable"), _BUSY),
    "NoSuchBucket": "there is no such bucket. Create it, or correct the setting that names it.",
    "RequestTimeTooSkewed": "this machine's clock is wrong. Set it, then run the same command again.",
}
_NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.ProfileNotFound,
)
_CONNECTION = (exceptions.HTTPClientError, exceptions.IncompleteReadError, exceptions.ResponseStreamingError, OSError)

_starting = threading.Lock()  # boto3's default session must not be used by two threads while clients are made


@functools.lru_cache
def _client(endpoint: str | None, region: str) -> BaseClient:
    """One client a process, endpoint and region; clients may be shared by threads."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        # servers other than Amazon's seldom have a DNS name for each bucket, and some refuse the newer checksums
        s3={"addressing_style": "path" if endpoint else "auto"},
        request_checksum_calculation="when_required" if endpoint else "when_supported",
    )
    with _starting:
        return boto3.session.Session().client("s3", endpoint_url=endpoint, region_name=region, config=config)


@dataclass(frozen=True)
class S3Store:
    """Objects below ``prefix`` of a bucket; see :class:`jobs.lib.objects.ObjectStore` for what each method promises.

    ``encryption`` is asked for with every write: ``AES256``, ``aws:kms``, or ``aws:kms:<key>`` with a key of one's own;
    None leaves it to the bucket.
    """

    bucket: str
    prefix: str
    endpoint: str | None
    region: str
    encryption: str | None = None

    @property
    def root(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def uri(self, key: str) -> str:
        return f"{self.root}/{key}"

    def _encrypted(self) -> dict[str, str]:
        """What a write says of encryption at rest."""
        if self.encryption is None:
            return {}
        kms, _, key = self.encryption.partition("aws:kms:")
        return {"ServerSideEncryption": kms} if kms else {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}

    def _key(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key

    @contextlib.contextmanager
    def _calling(self, action: str, key: str = "") -> Iterator[BaseClient]:
        try:
            yield _client(self.endpoint, self.region)
        except (exceptions.BotoCoreError, exceptions.ClientError, Boto3Error) as error:
            raise _explained(error, self, action, key) from error

    def list(self, prefix: str = "") -> Iterator[Object]:
        below = len(self._key(""))
        with self._calling("list", prefix) as client:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self._key(prefix))
            for page in pages:
                for found in page.get("Contents", ()):
                    if not found["Key"].endswith("/"):  # consoles write an empty object to show a folder
                        yield Object(found["Key"][below:], found["Size"], found["LastModified"])

    def read(self, key: str) -> bytes:
        with self.open(key) as stream:
            return stream.read()

    def open(self, key: str) -> BinaryIO:
        return io.BufferedReader(_Stream(self, checked_key(key)), CHUNK)

    def put(self, key: str, data: bytes | Path, if_match: str | None = None, if_absent: bool = False) -> str:
        name = self._key(checked_key(key))
        with self._calling("write", key) as client:
            if if_match is None and not if_absent:
                if isinstance(data, Path):
                    transfer = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=4)
                    client.upload_file(str(data), self.bucket, name, ExtraArgs=self._encrypted(), Config=transfer)
                    return client.head_object(Bucket=self.bucket, Key=name)["ETag"]
                return client.put_object(Bucket=self.bucket, Key=name, Body=data, **self._encrypted())["ETag"]
            condition = {**self._encrypted(), **({"IfNoneMatch": "*"} if if_absent else {"IfMatch": if_match})}
            with as_stream(data) as body:
                try:
                    return client.put_object(Bucket=self.bucket, Key=name, Body=body, **condition)["ETag"]
                except exceptions.ClientError as error:
                    if _code(error) in _MISSING:  # the object to be replaced has gone
                        raise PreconditionFailed(f"{self.uri(key)} has gone since it was looked at.") from error
                    return self._answer_lost(error, key, data)

    def _answer_lost(self, error: exceptions.ClientError, key: str, data: bytes | Path) -> str:
        """The etag when an earlier attempt of this very request was done and only its answer was lost."""
        retried = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
        if retried and _code(error) in _REFUSED_CONDITION and isinstance(data, bytes):
            etag = self.etag(key)
            if etag is not None and self.read(key) == data:
                return etag
        raise error

    def etag(self, key: str) -> str | None:
        with self._calling("read", checked_key(key)) as client:
            try:
                return client.head_object(Bucket=self.bucket, Key=self._key(key))["ETag"]
            except exceptions.ClientError as error:
                if _code(error) in _MISSING:
                    return None
                raise

    def exists(self, key: str) -> bool:
        return self.etag(key) is not None

    def delete(self, keys: Iterable[str]) -> None:
        names = [{"Key": self._key(checked_key(key))} for key in keys]
        for start in range(0, len(names), DELETE_BATCH):
            with self._calling("delete") as client:
                batch = {"Objects": names[start : start + DELETE_BATCH], "Quiet": True}
                for refused in client.delete_objects(Bucket=self.bucket, Delete=batch).get("Errors", ()):
                    raise DaybreakError(f"Could not delete s3://{self.bucket}/{refused['Key']}: {refused['Message']}")


class _Stream(io.RawIOBase):
    """An object read from its start to its end over as many connections as that takes."""

    def __init__(self, store: S3Store, key: str) -> None:
        super().__init__()
        self._store, self._key, self._position = store, key, 0
        with store._calling("read", key) as client:
            found = client.get_object(Bucket=store.bucket, Key=store._key(key))
        self._body: Any = found["Body"]
        self._size, self._etag = found["ContentLength"], found["ETag"]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset != self._position:
            self._drop()
            self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        if self._position >= self._size:
            return 0
        for attempt in range(ATTEMPTS):
            try:
                if self._body is None:
                    self._body = self._resumed()
                data = self._body.read(min(len(buffer), self._size - self._position))
                if not data:
                    raise ConnectionError("the connection ended before the object did")
                break
            except _CONNECTION as error:
                self._drop()
                if attempt + 1 == ATTEMPTS:
                    raise _explained(error, self._store, "read", self._key) from error
                time.sleep(min(0.1 * 2**attempt, 10.0))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _resumed(self) -> Any:
        """A body from the present position on; of the same content, or it would be two halves of two objects."""
        span = f"bytes={self._position}-"
        with self._store._calling("read", self._key) as client:
            name = self._store._key(self._key)
            return client.get_object(Bucket=self._store.bucket, Key=name, Range=span, IfMatch=self._etag)["Body"]

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    def close(self) -> None:
        self._drop()
        super().close()


def _code(error: BaseException) -> str:
    return error.response["Error"].get("Code", "") if isinstance(error, exceptions.ClientError) else ""


def _explained(error: BaseException, store: S3Store, action: str, key: str) -> DaybreakError:
    """The sentence for a person; boto3's own error stays its cause."""
    while isinstance(error, Boto3Error) and isinstance(error.__context__, exceptions.ClientError):
        error = error.__context__  # upload_file wraps what happened
    code, uri, at = _code(error), store.uri(key), f" at {store.endpoint}" if store.endpoint else ""
    if code in _MISSING:
        return ObjectMissing(f"There is no object {uri}.")
    if code in _REFUSED_CONDITION:
        return PreconditionFailed(f"{uri} has changed since it was looked at: another run wrote it.")
    why = f"Could not {action} {uri}{at}: "
    if code in _OTHER_REGION and isinstance(error, exceptions.ClientError):
        headers = error.response["ResponseMetadata"].get("HTTPHeaders", {})
        region = error.response["Error"].get("Region") or headers.get("x-amz-bucket-region", "<the bucket's region>")
        return DaybreakError(f"{why}the bucket is not in region {store.region}. Set DAYBREAK_S3_REGION={region}.")
    if isinstance(error, _NO_CREDENTIALS):
        return DaybreakError(why + _ABSENT)
    if code in _ADVICE:
        return DaybreakError(f"{why}{_ADVICE[code]} ({code})")
    return DaybreakError(f"{why}{error}. Check DAYBREAK_S3_ENDPOINT and the network, then run the same command again.")
