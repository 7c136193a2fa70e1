"""The same promises on a folder and on a real S3 server; then what only one of them can get wrong."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest

from jobs.lib import objects, s3
from jobs.lib.errors import DaybreakError
from jobs.lib.objects import ObjectMissing, ObjectStore, PreconditionFailed
from tests.s3 import Line


def settings(endpoint: str | None = None, encryption: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(s3_endpoint=endpoint, s3_region="us-east-1", s3_encryption=encryption)


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return objects.open_store(tmp_path / "root", settings())
    name = request.getfixturevalue("bucket")
    return objects.open_store(f"s3://{name}/some/prefix", settings(request.getfixturevalue("s3_server")))


def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [found.key for found in store.list(prefix)]


def test_what_was_put_is_read(store: ObjectStore, tmp_path: Path) -> None:
    store.put("a/b.txt", b"one")
    (tmp_path / "file").write_bytes(b"two")
    store.put("a/c.txt", tmp_path / "file")
    assert (store.read("a/b.txt"), store.read("a/c.txt")) == (b"one", b"two")
    assert store.exists("a/b.txt") and not store.exists("a/d.txt") and not store.exists("a")
    assert [(found.key, found.size) for found in store.list()] == [("a/b.txt", 3), ("a/c.txt", 3)]
    assert all(found.modified_at.tzinfo is not None for found in store.list())
    assert store.uri("a/b.txt") == f"{store.root}/a/b.txt"


def test_what_killed_puts_left_is_swept_once_it_is_old(tmp_path: Path) -> None:
    store = objects.open_store(tmp_path, settings())
    store.put("a/b.txt", b"one")
    old, young = (tmp_path / "a" / f"{objects.STAGING}{name}" for name in ("old", "young"))
    for left in (old, young):
        left.write_bytes(b"half")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    for path in (old, tmp_path / objects.LOCK, tmp_path / "a" / "b.txt"):
        os.utime(path, (yesterday.timestamp() - 60,) * 2)
    assert objects.sweep(store, yesterday) == 1
    assert not old.exists() and young.exists() and (tmp_path / objects.LOCK).exists() and keys(store) == ["a/b.txt"]


def test_a_missing_object_is_said(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissing, match=r"nothing\.json"):
        store.read("nothing.json")
    assert store.etag("nothing.json") is None
    assert keys(store) == keys(store, "none/") == []


def test_keys_come_in_byte_order_also_past_a_thousand(store: ObjectStore) -> None:
    names = [f"{number:04d}/{'x' * (number % 3)}.csv" for number in range(1005)] + [
        "0001-b.csv",
        "0001.csv",
        "zé",
        "z~",
    ]
    threads = [threading.Thread(target=lambda some=names[i::8]: [store.put(n, b"") for n in some]) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys(store) == sorted(names)
    assert keys(store, "0001") == ["0001-b.csv", "0001.csv", "0001/x.csv"]
    store.delete([*names, "never-there"])
    assert keys(store) == []


def test_a_large_file_streams_and_seeks(store: ObjectStore, tmp_path: Path) -> None:
    content = os.urandom(20 << 20)
    (tmp_path / "large").write_bytes(content)
    store.put("large", tmp_path / "large")
    with store.open("large") as stream:
        assert stream.read(5) == content[:5]
        stream.seek(-7, 2)
        assert stream.read() == content[-7:]
        stream.seek(1 << 20)
        assert stream.read(100) == content[1 << 20 : (1 << 20) + 100]
        stream.seek(0)
        assert b"".join(iter(lambda: stream.read(3 << 20), b"")) == content


def test_one_of_many_writers_creates(store: ObjectStore) -> None:
    won: list[bytes] = []

    def create(content: bytes) -> None:
        try:
            store.put("current.json", content, if_absent=True)
            won.append(content)
        except PreconditionFailed:
            pass

    _together([lambda content=f"{i}".encode(): create(content) for i in range(8)])
    assert len(won) == 1 and store.read("current.json") == won[0]


def test_no_update_gets_lost(store: ObjectStore) -> None:
    store.put("counter", b"0")

    def count() -> None:
        while True:
            etag = store.etag("counter")
            value = int(store.read("counter"))
            try:
                store.put("counter", str(value + 1).encode(), if_match=etag)
                return
            except PreconditionFailed:
                continue

    _together([count] * 6)
    assert store.read("counter") == b"6"


def test_a_condition_on_what_is_gone_fails(store: ObjectStore) -> None:
    etag = store.put("pointer", b"one")
    assert store.etag("pointer") == etag
    store.put("pointer", b"two")
    with pytest.raises(PreconditionFailed):
        store.put("pointer", b"three", if_match=etag)
    store.delete(["pointer"])
    with pytest.raises(PreconditionFailed):
        store.put("pointer", b"three", if_match=etag)
    assert keys(store) == []


def test_a_store_travels_by_pickle_after_use(store: ObjectStore) -> None:
    store.put("a", b"1")
    assert pickle.loads(pickle.dumps(store)).read("a") == b"1"


@pytest.mark.parametrize("key", ["", "/etc/passwd", "a//b", "../a", "a/../../b"])
def test_keys_stay_below_the_root(store: ObjectStore, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        store.put(key, b"")


@pytest.mark.parametrize("root", ["gs://bucket/x", "s3:///x"])
def test_an_unknown_root_is_refused(root: str) -> None:
    with pytest.raises(DaybreakError, match="bucket/prefix"):
        objects.open_store(root, settings())


def test_a_put_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = objects.open_store(tmp_path, settings())
    with pytest.raises(DaybreakError):
        store.put("a/b", tmp_path / "no-such-file")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DaybreakError, match=r"Could not write .*file/below"):
        objects.open_store(tmp_path, settings()).put("file/below", b"1")


@pytest.fixture
def disturbed(bucket: str, line: Line) -> ObjectStore:
    return objects.open_store(f"s3://{bucket}/p", settings(line.endpoint))


@pytest.mark.parametrize("fault", ["503 SlowDown", "500 InternalError", "reset", "lost"])
def test_passing_troubles_are_retried(disturbed: ObjectStore, line: Line, fault: str) -> None:
    line.faults = [fault, fault]
    disturbed.put("a", b"1")
    line.faults = [fault]
    assert disturbed.read("a") == b"1"
    assert line.requests == 5


def test_a_server_that_falls_silent_is_asked_again(
    disturbed: ObjectStore, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "READ_SECONDS", 1.0)
    line.faults = ["silent"]
    disturbed.put("a", b"1")
    line.faults = ["silent"]
    assert disturbed.read("a") == b"1"
    # Each was asked at least twice: a busy machine can make the server itself slower than the patience of this test.
    assert not line.faults and line.requests >= 4


def test_pauses_between_attempts_grow_and_end(disturbed: ObjectStore, line: Line) -> None:
    line.faults = ["503 SlowDown"] * 99
    with patched_sleep() as pauses, pytest.raises(DaybreakError, match="overloaded in 8 attempts"):
        disturbed.put("a", b"1")
    assert line.requests == s3.ATTEMPTS and len(pauses) == s3.ATTEMPTS - 1
    # Drawn by chance up to a bound that doubles, so that many clients do not come back at once.
    assert all(pause <= min(2**n, 20) for n, pause in enumerate(pauses)) and max(pauses[3:]) > 1


@contextlib.contextmanager
def patched_sleep() -> Iterator[list[float]]:
    """Botocore's pauses, written down instead of slept."""
    pauses: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        # Botocore's own name only: other threads of this process sleep as before, or would fill the list.
        patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=pauses.append))
        yield pauses


def test_a_large_file_arrives_in_parts_through_troubles(disturbed: ObjectStore, line: Line, tmp_path: Path) -> None:
    content = os.urandom(s3.PART + (1 << 20))
    (tmp_path / "large").write_bytes(content)
    line.faults = ["503 SlowDown", "reset", "500 InternalError", "lost"]
    disturbed.put("large", tmp_path / "large")
    assert hashlib.sha256(disturbed.read("large")).digest() == hashlib.sha256(content).digest()
    assert line.faults == []


@pytest.mark.parametrize("encryption", ["AES256", "aws:kms", "aws:kms:arn:aws:kms:us-east-1:1:key/2"])
def test_every_write_asks_for_the_encryption_of_the_setting(
    bucket: str, s3_server: str, tmp_path: Path, encryption: str
) -> None:
    store = objects.open_store(f"s3://{bucket}/p", settings(s3_server, encryption))
    store.put("plain", b"1")
    store.put("new", b"1", if_absent=True)
    store.put("new", b"2", if_match=store.etag("new"))
    (tmp_path / "large").write_bytes(bytes(s3.PART + 1))
    store.put("large", tmp_path / "large")
    client = boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1")
    for key in ("plain", "new", "large"):
        found = client.head_object(Bucket=bucket, Key=f"p/{key}")
        assert found["ServerSideEncryption"] == ("AES256" if encryption == "AES256" else "aws:kms")
        if encryption.count(":") > 1:
            assert found["SSEKMSKeyId"] == encryption.removeprefix("aws:kms:")


def test_a_creation_whose_answer_got_lost_is_ours(disturbed: ObjectStore, line: Line) -> None:
    line.faults = ["lost"]
    assert disturbed.put("pointer", b"mine", if_absent=True) == disturbed.etag("pointer")
    line.faults = ["reset"]
    with pytest.raises(PreconditionFailed):
        disturbed.put("pointer", b"another's", if_absent=True)


def test_a_stream_goes_on_where_it_broke(disturbed: ObjectStore, line: Line) -> None:
    content = os.urandom(3 << 20)
    disturbed.put("a", content)
    line.faults = ["half", "half", "reset"]
    with disturbed.open("a") as stream:
        assert stream.read() == content
    line.faults = ["half"]
    with disturbed.open("a") as stream:
        stream.read(10)
        disturbed.put("a", content[::-1])
        with pytest.raises(PreconditionFailed):
            stream.read()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("400 ExpiredToken", "expired.*Renew"),
        ("403 InvalidAccessKeyId", "does not accept these credentials"),
        ("403 AccessDenied", "access denied.*policy"),
        ("400 AuthorizationHeaderMalformed", "not in region us-east-1.*DAYBREAK_S3_REGION=eu-central-1"),
        ("301 PermanentRedirect", "DAYBREAK_S3_REGION=eu-central-1"),
    ],
)
def test_a_refusal_says_what_to_do(disturbed: ObjectStore, line: Line, fault: str, words: str) -> None:
    line.faults, line.only = [fault] * 9, "PUT"
    with pytest.raises(DaybreakError, match=f"Could not write s3://test-.*/p/a at .*{words}"):
        disturbed.put("a", b"1")
    with pytest.raises(DaybreakError, match=words):
        disturbed.put("b", Path(__file__))


def test_a_missing_bucket_is_said(s3_server: str) -> None:
    store = objects.open_store("s3://no-such-bucket/p", settings(s3_server))
    attempts: list[Callable[[], object]] = [lambda: store.put("a", b"1"), lambda: store.read("a"), lambda: keys(store)]
    for attempt in attempts:
        with pytest.raises(DaybreakError, match=r"s3://no-such-bucket/p.*no such bucket.*Create it"):
            attempt()


def test_missing_credentials_are_said(bucket: str, s3_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    s3._client.cache_clear()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(DaybreakError, match=r"no credentials.*AWS_ACCESS_KEY_ID"):
        objects.open_store(f"s3://{bucket}/p", settings(s3_server)).put("a", b"1")
    s3._client.cache_clear()


def _together(actions: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
