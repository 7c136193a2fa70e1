-- A customer is known from the first invoice on, in the country of the day's last one.
SELECT
    trim(CustomerID) AS customer_id,
    max_by(Country, _row) AS country,
    _file, _file_version, max(_row) AS _row, _known_day
FROM invoices
WHERE trim(CustomerID) <> ''
GROUP BY trim(CustomerID), _file, _file_version, _known_day
