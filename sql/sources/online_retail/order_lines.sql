-- The source has no line number: row order within the invoice makes it, since a basket may hold the same line twice.
SELECT
    InvoiceNo AS order_id,
    row_number() OVER (PARTITION BY InvoiceNo, _file, _file_version ORDER BY _row) AS line_number,
    InvoiceDate AS ordered_at,                      -- local time, as the contract reads a time that names no zone
    CustomerID AS customer_id,
    StockCode AS item_id,
    -- A cancellation counts back what it takes: its units are positive. Other negative lines are stock corrections.
    CASE WHEN InvoiceNo LIKE 'C%' THEN trim(LEADING '-' FROM Quantity) ELSE Quantity END AS units,
    UnitPrice AS price,
    'GBP' AS currency,
    Country AS country,
    InvoiceNo LIKE 'C%' AS is_cancellation,
    StockCode RLIKE '^([0-9]{5}|DCGS)' AS is_product,  -- postage, fees, vouchers and manual entries have other codes
    _file, _file_version, _row, _known_day
FROM invoices
