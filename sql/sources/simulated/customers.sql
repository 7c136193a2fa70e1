-- Changes only: new accounts, and closed ones as tombstones.
SELECT
    customer AS customer_id,
    country,
    channel,
    segment,
    age AS age_band,
    gender,
    registered AS registered_on,
    email,
    coalesce(business, '0') = '1' AS is_business,
    coalesce(closed, '0') = '1' AS is_deleted,
    _file, _file_version, _row, _known_day
FROM accounts
