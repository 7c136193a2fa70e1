-- demand: a release's files into staging tables, then all of its tables at once
-- Generated from expectations/ by `python -m jobs warehouse-sql`; edit the contracts, not this file.
-- NOT EXECUTED HERE: this project has no Snowflake account; a test parses the statements in Snowflake's grammar.

CREATE SCHEMA IF NOT EXISTS demand;

CREATE TABLE IF NOT EXISTS demand.evaluation (
  "SEGMENT" VARCHAR NOT NULL COMMENT 'kind of item at the origin - dense, sparse, new, seasonal or ended',
  "METHOD" VARCHAR NOT NULL COMMENT 'model that was judged; weekday (quantiles of the last eight same weekdays) is what each must beat. Of inventory_cost also other policies - mean_sigma (mean of four weeks and 1.28 standard deviations) and foresight (who knows the days to come)',
  "MEASURE" VARCHAR NOT NULL COMMENT 'what was measured; pinball_ratio is pinball loss over that of weekday quantiles, total_cover80_28 the share of 28-day totals between q10 and q90, inventory_cost what keeping stock (1 a unit and day) and lost sales (9 a unit) cost per unit demanded with a lead time of a week',
  "VALUE" DOUBLE NOT NULL COMMENT 'the figure',
  "LOW" DOUBLE COMMENT 'lower end of the 95% interval, by bootstrap over items, paired for ratios',
  "HIGH" DOUBLE COMMENT 'upper end of the 95% interval',
  "CASES" NUMBER(19, 0) NOT NULL COMMENT 'items that the figure rests on [count]',
  "IS_SERVED" BOOLEAN NOT NULL COMMENT 'true for the method that the segment''s forecasts are made by',
  "CUT_DATE" DATE NOT NULL COMMENT 'day by whose end the judged forecasts were made [day local to the store]',
  "MODEL_VERSION" VARCHAR NOT NULL COMMENT 'content hash of the champion that the night used',
  "AS_OF" DATE NOT NULL COMMENT 'day for which the table was computed, from what was known by its end [day local to the store]',
  PRIMARY KEY ("AS_OF", "SEGMENT", "METHOD", "MEASURE")
) COMMENT = 'One row is a figure of the evaluation of the model in force - one measure of one method on one segment at the newest origin.';

CREATE TABLE IF NOT EXISTS demand.forecast (
  "ITEM_ID" VARCHAR NOT NULL COMMENT 'the smallest unit that is sold, as in order_lines',
  "LOCATION_ID" VARCHAR NOT NULL COMMENT 'place that the forecast is for, where order lines name several; "all" is the store as a whole',
  "TARGET_DATE" DATE NOT NULL COMMENT 'day ahead, from the day after as_of on; in a store that tells weekly sums the day by which the store itself dates that week, its first or its last [day local to the store]',
  "MEAN" DOUBLE NOT NULL COMMENT 'expected units; the days'' means add up to the mean of forecast_total, and items'' means to those of a category or the store [pieces]',
  "Q05" DOUBLE NOT NULL COMMENT 'lower end of the inner 90%; units stay below it with probability 0.05 [pieces]',
  "Q10" DOUBLE NOT NULL COMMENT 'lower end of the inner 80%; units stay below it with probability 0.10 [pieces]',
  "Q25" DOUBLE NOT NULL COMMENT 'lower quartile; units stay below it with probability 0.25 [pieces]',
  "Q50" DOUBLE NOT NULL COMMENT 'median, the best guess where errors count by their size; units stay below it with probability 0.50 [pieces]',
  "Q75" DOUBLE NOT NULL COMMENT 'upper quartile; units stay below it with probability 0.75 [pieces]',
  "Q90" DOUBLE NOT NULL COMMENT 'upper end of the inner 80%; units stay below it with probability 0.90 [pieces]',
  "Q95" DOUBLE NOT NULL COMMENT 'upper end of the inner 90%; units stay below it with probability 0.95 [pieces]',
  "METHOD" VARCHAR NOT NULL COMMENT 'model that made the row, parts of an average joined by a plus, after a slash what its mean is averaged with; which one serves a segment was chosen on earlier origins (demand.evaluation)',
  "SEGMENT" VARCHAR NOT NULL COMMENT 'kind of item - dense, sparse (less than one day with a sale a week), new (on sale for less than 28 days), seasonal (idle for 84 days, but sold a year before the days to come) or ended',
  "MODEL_VERSION" VARCHAR NOT NULL COMMENT 'content hash of the champion that the night used',
  "AS_OF" DATE NOT NULL COMMENT 'day for which the table was computed, from what was known by its end [day local to the store]',
  PRIMARY KEY ("AS_OF", "ITEM_ID", "LOCATION_ID", "TARGET_DATE")
) COMMENT = 'One row is what an item is expected to sell on a day ahead.';

CREATE TABLE IF NOT EXISTS demand.forecast_category (
  "LEVEL" VARCHAR NOT NULL COMMENT 'store, category, or unsorted for items whose category is not known',
  "CATEGORY" VARCHAR NOT NULL COMMENT 'path in the category tree, each step of it a row of its own; "all" for the store, "none" for unsorted items',
  "LOCATION_ID" VARCHAR NOT NULL COMMENT 'place that the forecast is for, as in forecast_total',
  "HORIZON_DAYS" NUMBER(10, 0) NOT NULL COMMENT 'how many days from the day after as_of on are summed - 7, 14 or 28 [days]',
  "ITEMS" NUMBER(19, 0) NOT NULL COMMENT 'items that are forecast and belong to it, those of steps below among them [items]',
  "MEAN" DOUBLE NOT NULL COMMENT 'expected units, the sum of its items'' means in forecast_total [pieces]',
  "Q05" DOUBLE NOT NULL COMMENT 'lower end of the inner 90%; units stay below it with probability 0.05 [pieces]',
  "Q10" DOUBLE NOT NULL COMMENT 'lower end of the inner 80%; units stay below it with probability 0.10 [pieces]',
  "Q25" DOUBLE NOT NULL COMMENT 'lower quartile; units stay below it with probability 0.25 [pieces]',
  "Q50" DOUBLE NOT NULL COMMENT 'median, the best guess where errors count by their size; units stay below it with probability 0.50 [pieces]',
  "Q75" DOUBLE NOT NULL COMMENT 'upper quartile; units stay below it with probability 0.75 [pieces]',
  "Q90" DOUBLE NOT NULL COMMENT 'upper end of the inner 80%; units stay below it with probability 0.90 [pieces]',
  "Q95" DOUBLE NOT NULL COMMENT 'upper end of the inner 90%; units stay below it with probability 0.95 [pieces]',
  "GAP_TO_PARTS" DOUBLE NOT NULL COMMENT 'how far the mean is from the sum of its parts - the next steps of the path and the items right in it; nothing, or the night stops [share of the mean]',
  "MODEL_VERSION" VARCHAR NOT NULL COMMENT 'content hash of the champion that the night used',
  "AS_OF" DATE NOT NULL COMMENT 'day for which the table was computed, from what was known by its end [day local to the store]',
  PRIMARY KEY ("AS_OF", "LEVEL", "CATEGORY", "LOCATION_ID", "HORIZON_DAYS")
) COMMENT = 'One row is what a category, or the store as a whole, is expected to sell over its next days together.';

CREATE TABLE IF NOT EXISTS demand.forecast_total (
  "ITEM_ID" VARCHAR NOT NULL COMMENT 'the smallest unit that is sold, as in order_lines',
  "LOCATION_ID" VARCHAR NOT NULL COMMENT 'place that the forecast is for, where order lines name several; "all" is the store as a whole',
  "HORIZON_DAYS" NUMBER(10, 0) NOT NULL COMMENT 'how many days from the day after as_of on are summed; 7, 14, 28, the item''s lead time, and lead time and review period together (7 and 1 where the store names no supplier; for a place that another refills the days of that); beyond the forecast its last two weeks come again [days]',
  "MEAN" DOUBLE NOT NULL COMMENT 'expected units of the whole span, the sum of the days'' means in forecast [pieces]',
  "Q05" DOUBLE NOT NULL COMMENT 'lower end of the inner 90%; units stay below it with probability 0.05 [pieces]',
  "Q10" DOUBLE NOT NULL COMMENT 'lower end of the inner 80%; units stay below it with probability 0.10 [pieces]',
  "Q25" DOUBLE NOT NULL COMMENT 'lower quartile; units stay below it with probability 0.25 [pieces]',
  "Q50" DOUBLE NOT NULL COMMENT 'median, the best guess where errors count by their size; units stay below it with probability 0.50 [pieces]',
  "Q75" DOUBLE NOT NULL COMMENT 'upper quartile; units stay below it with probability 0.75 [pieces]',
  "Q90" DOUBLE NOT NULL COMMENT 'upper end of the inner 80%; units stay below it with probability 0.90 [pieces]',
  "Q95" DOUBLE NOT NULL COMMENT 'upper end of the inner 90%; units stay below it with probability 0.95 [pieces]',
  "METHOD" VARCHAR NOT NULL COMMENT 'model that made the row, parts of an average joined by a plus, after a slash what its mean is averaged with; which one serves a segment was chosen on earlier origins (demand.evaluation)',
  "GAP_TO_DAYS" DOUBLE COMMENT 'how far the mean is from the sum of its days'' means in forecast; null where it goes on beyond them [share]',
  "GAP_TO_PLACES" DOUBLE COMMENT 'how far the mean is from the sum of the item''s places, whose forecasts are scaled to it; null for a place, where order lines name none, and for a horizon that not all of them have [share]',
  "MODEL_VERSION" VARCHAR NOT NULL COMMENT 'content hash of the champion that the night used',
  "AS_OF" DATE NOT NULL COMMENT 'day for which the table was computed, from what was known by its end [day local to the store]',
  PRIMARY KEY ("AS_OF", "ITEM_ID", "LOCATION_ID", "HORIZON_DAYS")
) COMMENT = 'One row is what an item is expected to sell over its next days together.';

CREATE TABLE IF NOT EXISTS demand.reorder (
  "ITEM_ID" VARCHAR NOT NULL COMMENT 'what to order or not, as in items',
  "LOCATION_ID" VARCHAR NOT NULL COMMENT 'place that the order is for, as in demand.forecast; "all" where the forecast is of the store as a whole',
  "ON_HAND" DOUBLE NOT NULL COMMENT 'pieces counted there by the end of as_of; below zero where more was promised than counted, which is ordered as well [pieces]',
  "ON_ORDER" DOUBLE NOT NULL COMMENT 'pieces on their way to the place, with what of those on their way to no place of the store is counted here [pieces]',
  "LEAD_TIME_DAYS" DOUBLE NOT NULL COMMENT 'mean time from tonight''s order to the shelf, by the supplier''s terms or assumed; 0 for tomorrow morning, as in suppliers [days]',
  "REVIEW_DAYS" NUMBER(10, 0) NOT NULL COMMENT 'time to the next chance to order [days]',
  "SERVICE_LEVEL" DOUBLE NOT NULL COMMENT 'newsvendor ratio behind the level, margin against margin and holding over a review; under lost sales the share of demand served comes out lower [share]',
  "SAFETY_STOCK" DOUBLE NOT NULL COMMENT 'how far order_up_to lies above the mean demand over lead time and review; 0 where it lies below [pieces]',
  "REORDER_POINT" DOUBLE NOT NULL COMMENT 'order where on_hand and on_order together are at or below this; -1 where the smallest order that the supplier takes pays not even for an empty shelf, so that only what is owed is ordered [pieces]',
  "ORDER_UP_TO" DOUBLE NOT NULL COMMENT 'level of on_hand and on_order together that costs least, as simulated on the forecast''s paths with lost sales [pieces]',
  "ORDER_UNITS" DOUBLE NOT NULL COMMENT 'what to order tonight, in whole packs; 0 for nothing [pieces]',
  "STOCKOUT_PROBABILITY" DOUBLE NOT NULL COMMENT 'chance that somebody asks in vain before the delivery after tonight''s, if the advice is followed [share]',
  "REASON" VARCHAR NOT NULL COMMENT 'what is left, what is expected and what follows, as a sentence for a buyer',
  "ASSUMED" VARCHAR COMMENT 'terms that the store did not give and the default stands for, by name with commas; null where it gave all',
  "MODEL_VERSION" VARCHAR NOT NULL COMMENT 'content hash of the champion behind the forecast',
  "AS_OF" DATE NOT NULL COMMENT 'day for which the table was computed, from what was known by its end [day local to the store]',
  PRIMARY KEY ("AS_OF", "ITEM_ID", "LOCATION_ID")
) COMMENT = 'One row is one item to decide on tonight at one place, whether or not anything should be ordered.';

-- The release that <store>/demand/current.json names. A stage's path takes no variable: write store,
-- day and release into the COPY statements too.
SET release = '<release>';
SET day = '<YYYY-MM-DD>';

CREATE OR REPLACE TEMPORARY TABLE demand.evaluation_staged LIKE demand.evaluation;

COPY INTO demand.evaluation_staged ("SEGMENT", "METHOD", "MEASURE", "VALUE", "LOW", "HIGH", "CASES", "IS_SERVED", "CUT_DATE", "MODEL_VERSION", "AS_OF")
FROM (
  SELECT
    $1:segment::VARCHAR,
    $1:method::VARCHAR,
    $1:measure::VARCHAR,
    $1:value::DOUBLE,
    $1:low::DOUBLE,
    $1:high::DOUBLE,
    $1:cases::NUMBER(19, 0),
    $1:is_served::BOOLEAN,
    $1:cut_date::DATE,
    $1:model_version::VARCHAR,
    $1:as_of::DATE
  FROM '@daybreak.published/<store>/demand/evaluation/as_of=<YYYY-MM-DD>/release=<release>/'
)
FILE_FORMAT = (FORMAT_NAME = 'daybreak.parquet') ON_ERROR = ABORT_STATEMENT;

CREATE OR REPLACE TEMPORARY TABLE demand.forecast_staged LIKE demand.forecast;

COPY INTO demand.forecast_staged ("ITEM_ID", "LOCATION_ID", "TARGET_DATE", "MEAN", "Q05", "Q10", "Q25", "Q50", "Q75", "Q90", "Q95", "METHOD", "SEGMENT", "MODEL_VERSION", "AS_OF")
FROM (
  SELECT
    $1:item_id::VARCHAR,
    $1:location_id::VARCHAR,
    $1:target_date::DATE,
    $1:mean::DOUBLE,
    $1:q05::DOUBLE,
    $1:q10::DOUBLE,
    $1:q25::DOUBLE,
    $1:q50::DOUBLE,
    $1:q75::DOUBLE,
    $1:q90::DOUBLE,
    $1:q95::DOUBLE,
    $1:method::VARCHAR,
    $1:segment::VARCHAR,
    $1:model_version::VARCHAR,
    $1:as_of::DATE
  FROM '@daybreak.published/<store>/demand/forecast/as_of=<YYYY-MM-DD>/release=<release>/'
)
FILE_FORMAT = (FORMAT_NAME = 'daybreak.parquet') ON_ERROR = ABORT_STATEMENT;

CREATE OR REPLACE TEMPORARY TABLE demand.forecast_category_staged LIKE demand.forecast_category;

COPY INTO demand.forecast_category_staged ("LEVEL", "CATEGORY", "LOCATION_ID", "HORIZON_DAYS", "ITEMS", "MEAN", "Q05", "Q10", "Q25", "Q50", "Q75", "Q90", "Q95", "GAP_TO_PARTS", "MODEL_VERSION", "AS_OF")
FROM (
  SELECT
    $1:level::VARCHAR,
    $1:category::VARCHAR,
    $1:location_id::VARCHAR,
    $1:horizon_days::NUMBER(10, 0),
    $1:items::NUMBER(19, 0),
    $1:mean::DOUBLE,
    $1:q05::DOUBLE,
    $1:q10::DOUBLE,
    $1:q25::DOUBLE,
    $1:q50::DOUBLE,
    $1:q75::DOUBLE,
    $1:q90::DOUBLE,
    $1:q95::DOUBLE,
    $1:gap_to_parts::DOUBLE,
    $1:model_version::VARCHAR,
    $1:as_of::DATE
  FROM '@daybreak.published/<store>/demand/forecast_category/as_of=<YYYY-MM-DD>/release=<release>/'
)
FILE_FORMAT = (FORMAT_NAME = 'daybreak.parquet') ON_ERROR = ABORT_STATEMENT;

CREATE OR REPLACE TEMPORARY TABLE demand.forecast_total_staged LIKE demand.forecast_total;

COPY INTO demand.forecast_total_staged ("ITEM_ID", "LOCATION_ID", "HORIZON_DAYS", "MEAN", "Q05", "Q10", "Q25", "Q50", "Q75", "Q90", "Q95", "METHOD", "GAP_TO_DAYS", "GAP_TO_PLACES", "MODEL_VERSION", "AS_OF")
FROM (
  SELECT
    $1:item_id::VARCHAR,
    $1:location_id::VARCHAR,
    $1:horizon_days::NUMBER(10, 0),
    $1:mean::DOUBLE,
    $1:q05::DOUBLE,
    $1:q10::DOUBLE,
    $1:q25::DOUBLE,
    $1:q50::DOUBLE,
    $1:q75::DOUBLE,
    $1:q90::DOUBLE,
    $1:q95::DOUBLE,
    $1:method::VARCHAR,
    $1:gap_to_days::DOUBLE,
    $1:gap_to_places::DOUBLE,
    $1:model_version::VARCHAR,
    $1:as_of::DATE
  FROM '@daybreak.published/<store>/demand/forecast_total/as_of=<YYYY-MM-DD>/release=<release>/'
)
FILE_FORMAT = (FORMAT_NAME = 'daybreak.parquet') ON_ERROR = ABORT_STATEMENT;

CREATE OR REPLACE TEMPORARY TABLE demand.reorder_staged LIKE demand.reorder;

COPY INTO demand.reorder_staged ("ITEM_ID", "LOCATION_ID", "ON_HAND", "ON_ORDER", "LEAD_TIME_DAYS", "REVIEW_DAYS", "SERVICE_LEVEL", "SAFETY_STOCK", "REORDER_POINT", "ORDER_UP_TO", "ORDER_UNITS", "STOCKOUT_PROBABILITY", "REASON", "ASSUMED", "MODEL_VERSION", "AS_OF")
FROM (
  SELECT
    $1:item_id::VARCHAR,
    $1:location_id::VARCHAR,
    $1:on_hand::DOUBLE,
    $1:on_order::DOUBLE,
    $1:lead_time_days::DOUBLE,
    $1:review_days::NUMBER(10, 0),
    $1:service_level::DOUBLE,
    $1:safety_stock::DOUBLE,
    $1:reorder_point::DOUBLE,
    $1:order_up_to::DOUBLE,
    $1:order_units::DOUBLE,
    $1:stockout_probability::DOUBLE,
    $1:reason::VARCHAR,
    $1:assumed::VARCHAR,
    $1:model_version::VARCHAR,
    $1:as_of::DATE
  FROM '@daybreak.published/<store>/demand/reorder/as_of=<YYYY-MM-DD>/release=<release>/'
)
FILE_FORMAT = (FORMAT_NAME = 'daybreak.parquet') ON_ERROR = ABORT_STATEMENT;

BEGIN;

DELETE FROM demand.evaluation AS kept
WHERE kept."AS_OF" = $day::DATE AND NOT EXISTS (SELECT 1 FROM demand.evaluation_staged AS staged WHERE staged."AS_OF" = kept."AS_OF" AND staged."SEGMENT" = kept."SEGMENT" AND staged."METHOD" = kept."METHOD" AND staged."MEASURE" = kept."MEASURE");

MERGE INTO demand.evaluation AS kept
USING demand.evaluation_staged AS staged
ON kept."AS_OF" = staged."AS_OF" AND kept."SEGMENT" = staged."SEGMENT" AND kept."METHOD" = staged."METHOD" AND kept."MEASURE" = staged."MEASURE"
WHEN MATCHED THEN UPDATE SET kept."VALUE" = staged."VALUE", kept."LOW" = staged."LOW", kept."HIGH" = staged."HIGH", kept."CASES" = staged."CASES", kept."IS_SERVED" = staged."IS_SERVED", kept."CUT_DATE" = staged."CUT_DATE", kept."MODEL_VERSION" = staged."MODEL_VERSION"
WHEN NOT MATCHED THEN INSERT ("SEGMENT", "METHOD", "MEASURE", "VALUE", "LOW", "HIGH", "CASES", "IS_SERVED", "CUT_DATE", "MODEL_VERSION", "AS_OF") VALUES (staged."SEGMENT", staged."METHOD", staged."MEASURE", staged."VALUE", staged."LOW", staged."HIGH", staged."CASES", staged."IS_SERVED", staged."CUT_DATE", staged."MODEL_VERSION", staged."AS_OF");

DELETE FROM demand.forecast AS kept
WHERE kept."AS_OF" = $day::DATE AND NOT EXISTS (SELECT 1 FROM demand.forecast_staged AS staged WHERE staged."AS_OF" = kept."AS_OF" AND staged."ITEM_ID" = kept."ITEM_ID" AND staged."LOCATION_ID" = kept."LOCATION_ID" AND staged."TARGET_DATE" = kept."TARGET_DATE");

MERGE INTO demand.forecast AS kept
USING demand.forecast_staged AS staged
ON kept."AS_OF" = staged."AS_OF" AND kept."ITEM_ID" = staged."ITEM_ID" AND kept."LOCATION_ID" = staged."LOCATION_ID" AND kept."TARGET_DATE" = staged."TARGET_DATE"
WHEN MATCHED THEN UPDATE SET kept."MEAN" = staged."MEAN", kept."Q05" = staged."Q05", kept."Q10" = staged."Q10", kept."Q25" = staged."Q25", kept."Q50" = staged."Q50", kept."Q75" = staged."Q75", kept."Q90" = staged."Q90", kept."Q95" = staged."Q95", kept."METHOD" = staged."METHOD", kept."SEGMENT" = staged."SEGMENT", kept."MODEL_VERSION" = staged."MODEL_VERSION"
WHEN NOT MATCHED THEN INSERT ("ITEM_ID", "LOCATION_ID", "TARGET_DATE", "MEAN", "Q05", "Q10", "Q25", "Q50", "Q75", "Q90", "Q95", "METHOD", "SEGMENT", "MODEL_VERSION", "AS_OF") VALUES (staged."ITEM_ID", staged."LOCATION_ID", staged."TARGET_DATE", staged."MEAN", staged."Q05", staged."Q10", staged."Q25", staged."Q50", staged."Q75", staged."Q90", staged."Q95", staged."METHOD", staged."SEGMENT", staged."MODEL_VERSION", staged."AS_OF");

DELETE FROM demand.forecast_category AS kept
WHERE kept."AS_OF" = $day::DATE AND NOT EXISTS (SELECT 1 FROM demand.forecast_category_staged AS staged WHERE staged."AS_OF" = kept."AS_OF" AND staged."LEVEL" = kept."LEVEL" AND staged."CATEGORY" = kept."CATEGORY" AND staged."LOCATION_ID" = kept."LOCATION_ID" AND staged."HORIZON_DAYS" = kept."HORIZON_DAYS");

MERGE INTO demand.forecast_category AS kept
USING demand.forecast_category_staged AS staged
ON kept."AS_OF" = staged."AS_OF" AND kept."LEVEL" = staged."LEVEL" AND kept."CATEGORY" = staged."CATEGORY" AND kept."LOCATION_ID" = staged."LOCATION_ID" AND kept."HORIZON_DAYS" = staged."HORIZON_DAYS"
WHEN MATCHED THEN UPDATE SET kept."ITEMS" = staged."ITEMS", kept."MEAN" = staged."MEAN", kept."Q05" = staged."Q05", kept."Q10" = staged."Q10", kept."Q25" = staged."Q25", kept."Q50" = staged."Q50", kept."Q75" = staged."Q75", kept."Q90" = staged."Q90", kept."Q95" = staged."Q95", kept."GAP_TO_PARTS" = staged."GAP_TO_PARTS", kept."MODEL_VERSION" = staged."MODEL_VERSION"
WHEN NOT MATCHED THEN INSERT ("LEVEL", "CATEGORY", "LOCATION_ID", "HORIZON_DAYS", "ITEMS", "MEAN", "Q05", "Q10", "Q25", "Q50", "Q75", "Q90", "Q95", "GAP_TO_PARTS", "MODEL_VERSION", "AS_OF") VALUES (staged."LEVEL", staged."CATEGORY", staged."LOCATION_ID", staged."HORIZON_DAYS", staged."ITEMS", staged."MEAN", staged."Q05", staged."Q10", staged."Q25", staged."Q50", staged."Q75", staged."Q90", staged."Q95", staged."GAP_TO_PARTS", staged."MODEL_VERSION", staged."AS_OF");

DELETE FROM demand.forecast_total AS kept
WHERE kept."AS_OF" = $day::DATE AND NOT EXISTS (SELECT 1 FROM demand.forecast_total_staged AS staged WHERE staged."AS_OF" = kept."AS_OF" AND staged."ITEM_ID" = kept."ITEM_ID" AND staged."LOCATION_ID" = kept."LOCATION_ID" AND staged."HORIZON_DAYS" = kept."HORIZON_DAYS");

MERGE INTO demand.forecast_total AS kept
USING demand.forecast_total_staged AS staged
ON kept."AS_OF" = staged."AS_OF" AND kept."ITEM_ID" = staged."ITEM_ID" AND kept."LOCATION_ID" = staged."LOCATION_ID" AND kept."HORIZON_DAYS" = staged."HORIZON_DAYS"
WHEN MATCHED THEN UPDATE SET kept."MEAN" = staged."MEAN", kept."Q05" = staged."Q05", kept."Q10" = staged."Q10", kept."Q25" = staged."Q25", kept."Q50" = staged."Q50", kept."Q75" = staged."Q75", kept."Q90" = staged."Q90", kept."Q95" = staged."Q95", kept."METHOD" = staged."METHOD", kept."GAP_TO_DAYS" = staged."GAP_TO_DAYS", kept."GAP_TO_PLACES" = staged."GAP_TO_PLACES", kept."MODEL_VERSION" = staged."MODEL_VERSION"
WHEN NOT MATCHED THEN INSERT ("ITEM_ID", "LOCATION_ID", "HORIZON_DAYS", "MEAN", "Q05", "Q10", "Q25", "Q50", "Q75", "Q90", "Q95", "METHOD", "GAP_TO_DAYS", "GAP_TO_PLACES", "MODEL_VERSION", "AS_OF") VALUES (staged."ITEM_ID", staged."LOCATION_ID", staged."HORIZON_DAYS", staged."MEAN", staged."Q05", staged."Q10", staged."Q25", staged."Q50", staged."Q75", staged."Q90", staged."Q95", staged."METHOD", staged."GAP_TO_DAYS", staged."GAP_TO_PLACES", staged."MODEL_VERSION", staged."AS_OF");

DELETE FROM demand.reorder AS kept
WHERE kept."AS_OF" = $day::DATE AND NOT EXISTS (SELECT 1 FROM demand.reorder_staged AS staged WHERE staged."AS_OF" = kept."AS_OF" AND staged."ITEM_ID" = kept."ITEM_ID" AND staged."LOCATION_ID" = kept."LOCATION_ID");

MERGE INTO demand.reorder AS kept
USING demand.reorder_staged AS staged
ON kept."AS_OF" = staged."AS_OF" AND kept."ITEM_ID" = staged."ITEM_ID" AND kept."LOCATION_ID" = staged."LOCATION_ID"
WHEN MATCHED THEN UPDATE SET kept."ON_HAND" = staged."ON_HAND", kept."ON_ORDER" = staged."ON_ORDER", kept."LEAD_TIME_DAYS" = staged."LEAD_TIME_DAYS", kept."REVIEW_DAYS" = staged."REVIEW_DAYS", kept."SERVICE_LEVEL" = staged."SERVICE_LEVEL", kept."SAFETY_STOCK" = staged."SAFETY_STOCK", kept."REORDER_POINT" = staged."REORDER_POINT", kept."ORDER_UP_TO" = staged."ORDER_UP_TO", kept."ORDER_UNITS" = staged."ORDER_UNITS", kept."STOCKOUT_PROBABILITY" = staged."STOCKOUT_PROBABILITY", kept."REASON" = staged."REASON", kept."ASSUMED" = staged."ASSUMED", kept."MODEL_VERSION" = staged."MODEL_VERSION"
WHEN NOT MATCHED THEN INSERT ("ITEM_ID", "LOCATION_ID", "ON_HAND", "ON_ORDER", "LEAD_TIME_DAYS", "REVIEW_DAYS", "SERVICE_LEVEL", "SAFETY_STOCK", "REORDER_POINT", "ORDER_UP_TO", "ORDER_UNITS", "STOCKOUT_PROBABILITY", "REASON", "ASSUMED", "MODEL_VERSION", "AS_OF") VALUES (staged."ITEM_ID", staged."LOCATION_ID", staged."ON_HAND", staged."ON_ORDER", staged."LEAD_TIME_DAYS", staged."REVIEW_DAYS", staged."SERVICE_LEVEL", staged."SAFETY_STOCK", staged."REORDER_POINT", staged."ORDER_UP_TO", staged."ORDER_UNITS", staged."STOCKOUT_PROBABILITY", staged."REASON", staged."ASSUMED", staged."MODEL_VERSION", staged."AS_OF");

UPDATE daybreak.releases SET state = IFF(as_of = $day::DATE, 'replaced', 'loaded')
WHERE product = 'demand' AND (state = 'current' OR as_of = $day::DATE);

MERGE INTO daybreak.releases AS known
USING (SELECT 'demand' AS product, $release AS release, $day::DATE AS as_of, (SELECT COUNT(*) FROM demand.evaluation WHERE "AS_OF" = $day::DATE) + (SELECT COUNT(*) FROM demand.forecast WHERE "AS_OF" = $day::DATE) + (SELECT COUNT(*) FROM demand.forecast_category WHERE "AS_OF" = $day::DATE) + (SELECT COUNT(*) FROM demand.forecast_total WHERE "AS_OF" = $day::DATE) + (SELECT COUNT(*) FROM demand.reorder WHERE "AS_OF" = $day::DATE) AS rows_loaded) AS new
ON known.product = new.product AND known.release = new.release
WHEN MATCHED THEN UPDATE SET known.state = 'current', known.loaded_at = CURRENT_TIMESTAMP()
WHEN NOT MATCHED THEN INSERT (product, release, as_of, rows_loaded, loaded_at, state)
VALUES (new.product, new.release, new.as_of, new.rows_loaded, CURRENT_TIMESTAMP(), 'current');

COMMIT;

CREATE OR REPLACE VIEW demand.evaluation_current AS
SELECT * FROM demand.evaluation WHERE "AS_OF" = (SELECT as_of FROM daybreak.releases WHERE product = 'demand' AND state = 'current');

CREATE OR REPLACE VIEW demand.forecast_current AS
SELECT * FROM demand.forecast WHERE "AS_OF" = (SELECT as_of FROM daybreak.releases WHERE product = 'demand' AND state = 'current');

CREATE OR REPLACE VIEW demand.forecast_category_current AS
SELECT * FROM demand.forecast_category WHERE "AS_OF" = (SELECT as_of FROM daybreak.releases WHERE product = 'demand' AND state = 'current');

CREATE OR REPLACE VIEW demand.forecast_total_current AS
SELECT * FROM demand.forecast_total WHERE "AS_OF" = (SELECT as_of FROM daybreak.releases WHERE product = 'demand' AND state = 'current');

CREATE OR REPLACE VIEW demand.reorder_current AS
SELECT * FROM demand.reorder WHERE "AS_OF" = (SELECT as_of FROM daybreak.releases WHERE product = 'demand' AND state = 'current');
