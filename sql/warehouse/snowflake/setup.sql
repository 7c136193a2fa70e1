-- What the tables of every product share
-- Generated from expectations/ by `python -m jobs warehouse-sql`; edit the contracts, not this file.
-- NOT EXECUTED HERE: this project has no Snowflake account; a test parses the statements in Snowflake's grammar.

-- Once, by who may create integrations. The bucket is the one of DAYBREAK_PUBLISH; the role needs s3:GetObject and
-- s3:ListBucket below its prefix and nothing else.
CREATE STORAGE INTEGRATION IF NOT EXISTS daybreak_s3
  TYPE = EXTERNAL_STAGE
  STORAGE_PROVIDER = 'S3'
  ENABLED = TRUE
  STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::<account>:role/<role>'
  STORAGE_ALLOWED_LOCATIONS = ('s3://<bucket>/<prefix>/');

CREATE SCHEMA IF NOT EXISTS daybreak;

CREATE FILE FORMAT IF NOT EXISTS daybreak.parquet TYPE = PARQUET USE_LOGICAL_TYPE = TRUE;

CREATE STAGE IF NOT EXISTS daybreak.published
  URL = 's3://<bucket>/<prefix>/'
  STORAGE_INTEGRATION = daybreak_s3
  FILE_FORMAT = (FORMAT_NAME = 'daybreak.parquet');

CREATE TABLE IF NOT EXISTS daybreak.releases (
  product VARCHAR NOT NULL,
  release VARCHAR NOT NULL,
  as_of DATE NOT NULL,
  rows_loaded NUMBER(19, 0) NOT NULL,
  loaded_at TIMESTAMP_TZ NOT NULL,
  state VARCHAR NOT NULL,
  PRIMARY KEY (product, release)
);
