-- The till writes local time, decimal commas, and customers as a spreadsheet spelled them (20017.0, which the contract mends).
SELECT
    OrderNo AS order_id,
    Pos AS line_number,
    regexp_replace(OrderDate, '^([0-9]{2})[.]([0-9]{2})[.]([0-9]{4}) ', '$3-$2-$1 ') AS ordered_at,
    CustomerNo AS customer_id,
    SKU AS item_id,
    -- Lines taken back (storno) have negative pieces; on a sold line they are a mistake and stay one.
    CASE WHEN Status = 'storno' THEN trim(LEADING '-' FROM Qty) ELSE Qty END AS units,
    replace(UnitPrice, ',', '.') AS price,
    Curr AS currency,
    ShipCountry AS country,
    Channel AS channel,
    coalesce(Status, '') = 'storno' AS is_cancellation,
    coalesce(SKU, '') NOT IN ('SHIP', 'GIFTWRAP') AS is_product,
    coalesce(Status, '') = 'test' OR upper(coalesce(Note, '')) LIKE '%TEST%' AS is_test,
    RefOrder AS cancels_order_id,
    _file, _file_version, _row, _known_day
FROM orders
