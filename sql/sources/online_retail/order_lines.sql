-- The source has no line number: row order within the invoice makes it, since a basket may hold the same line twice.
-- InvoiceDate is local time; what is no time goes through as it is, so that the quarantine can say what it was.
SELECT
    InvoiceNo AS order_id,
    CAST(row_number() OVER (PARTITION BY InvoiceNo, _file, _file_version ORDER BY _row) AS STRING) AS line_number,
    coalesce(
        date_format(to_utc_timestamp(try_to_timestamp(InvoiceDate), 'Europe/London'), "yyyy-MM-dd'T'HH:mm:ss'Z'"),
        InvoiceDate
    ) AS ordered_at,
    substr(InvoiceDate, 1, 10) AS order_date,
    nullif(trim(CustomerID), '') AS customer_id,
    StockCode AS item_id,
    -- A cancellation counts back what it takes: its units are positive. Other negative lines are stock corrections.
    CASE WHEN InvoiceNo LIKE 'C%' THEN trim(LEADING '-' FROM Quantity) ELSE Quantity END AS units,
    UnitPrice AS price,
    'GBP' AS currency,
    Country AS country,
    CAST(InvoiceNo LIKE 'C%' AS STRING) AS is_cancellation,
    -- Postage, fees, manual entries and vouchers have codes of other shapes.
    CAST(StockCode RLIKE '^([0-9]{5}|DCGS)' AS STRING) AS is_product,
    _file, _file_version, _row, _known_day
FROM invoices
