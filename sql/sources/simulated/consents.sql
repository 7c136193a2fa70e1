-- What each customer last said counts.
SELECT customer_no AS customer_id, purpose, granted = 'Y' AS is_granted, _file, _file_version, _row, _known_day
FROM consent_log
