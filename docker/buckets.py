"""``python docker/buckets.py NAME …``: makes the buckets that are not there yet, at DAYBREAK_S3_ENDPOINT."""

import os
import sys

import boto3

client = boto3.client(
    "s3",
    endpoint_url=os.environ.get("DAYBREAK_S3_ENDPOINT"),
    region_name=os.environ.get("DAYBREAK_S3_REGION", "us-east-1"),
)
there = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
for name in sys.argv[1:]:
    if name not in there:
        client.create_bucket(Bucket=name)
        print(f"bucket {name}: made")
