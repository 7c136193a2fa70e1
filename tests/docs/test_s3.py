"""The policies that docs/s3.md gives are what it says of them, so that they can be copied."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import boto3

PAGE = Path(__file__).parents[2] / "docs" / "s3.md"
IDENTITY, BUCKET, LIFECYCLE = (
    json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
)
WRITES = {"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"}


def many(value: str | list[str]) -> set[str]:
    """Policies write one value without a list."""
    return {value} if isinstance(value, str) else set(value)


def rights(policy: dict[str, Any], place: str) -> set[str]:
    """What the policy allows on the objects below a prefix."""
    below = f"arn:aws:s3:::<bucket>/{place}/*"
    allowed = [one for one in policy["Statement"] if one["Effect"] == "Allow" and below in many(one["Resource"])]
    return set().union(*(many(one["Action"]) for one in allowed))


def test_the_two_policies_allow_the_same_and_no_more_than_a_night_does() -> None:
    for policy in (IDENTITY, BUCKET):
        assert rights(policy, "landing") == {"s3:GetObject"}
        assert rights(policy, "lake") == rights(policy, "published") == {"s3:GetObject", *WRITES}
        listing = [one for one in policy["Statement"] if many(one["Action"]) == {"s3:ListBucket"}]
        assert [one["Condition"]["StringLike"]["s3:prefix"] for one in listing] == [
            ["landing/*", "lake/*", "published/*"]
        ]
        assert not [one for one in policy["Statement"] if one["Effect"] == "Allow" and "s3:*" in many(one["Action"])]


def test_only_a_buckets_policy_says_whose_rights_they_are_and_it_refuses_plain_http() -> None:
    assert not [one for one in IDENTITY["Statement"] if "Principal" in one]
    assert all("Principal" in one for one in BUCKET["Statement"])
    (denied,) = [one for one in BUCKET["Statement"] if one["Effect"] == "Deny"]
    assert denied["Principal"] == "*" and denied["Action"] == "s3:*"
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert many(denied["Resource"]) == {"arn:aws:s3:::<bucket>", "arn:aws:s3:::<bucket>/*"}


def test_a_bucket_takes_the_policy_and_forgets_what_killed_uploads_left(s3_server: str, bucket: str) -> None:
    client = boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1")
    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(BUCKET).replace("<bucket>", bucket))
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=LIFECYCLE)
    (rule,) = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["Status"] == "Enabled" and 0 < rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] <= 7
