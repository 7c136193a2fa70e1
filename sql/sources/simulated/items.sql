-- A snapshot a day; an article that was delisted stays in it for a month with its last day.
SELECT
    sku AS item_id,
    parent AS parent_item_id,
    name AS title,
    text AS description,
    path AS category,
    brand,
    attrs AS attributes,
    price,
    cost,
    curr AS currency,
    launched AS available_from,
    ended AS discontinued_on,
    coalesce(restricted, '0') = '1' AS is_restricted,
    sold_in,
    _file, _file_version, _row, _known_day
FROM catalogue
