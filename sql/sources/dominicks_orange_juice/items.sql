-- The source numbers its brands; their names stand in bayesm's documentation.
SELECT
    brand AS item_id,
    element_at(
        array(
            'Tropicana Premium 64 oz', 'Tropicana Premium 96 oz', 'Florida''s Natural 64 oz', 'Tropicana 64 oz',
            'Minute Maid 64 oz', 'Minute Maid 96 oz', 'Citrus Hill 64 oz', 'Tree Fresh 64 oz', 'Florida Gold 64 oz',
            'Dominick''s 64 oz', 'Dominick''s 128 oz'
        ),
        try_cast(brand AS INT)
    ) AS title,
    'Orange juice' AS category,
    _file, _file_version, min(_row) AS _row, _known_day
FROM sales
GROUP BY brand, _file, _file_version, _known_day
