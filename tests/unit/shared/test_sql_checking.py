"""What a query may be: one SELECT of known columns, bounded, and nothing else, whatever it is dressed up as."""

from __future__ import annotations

import logging

import duckdb
import pytest

from usher_shared.contracts.insights import Dataset, DatasetMetadata
from usher_shared.sql.checking import Bounds, check
from usher_shared.sql.errors import QueryRefused

DATASET = Dataset(
    name="acme-prod.usher",
    metadata=DatasetMetadata.model_validate(
        {
            "tables": {
                "orders": {"id": "STRING", "event": "STRING", "amount": "INT64", "at": "TIMESTAMP", "paid": "BOOL"},
                "events": {"event": "STRING", "name": "STRING", "day": "DATE", "order": "INT64"},
                "log": {
                    "columns": {"id": "STRING", "time": "TIMESTAMP", "note": "STRING"},
                    "partition_by": "time",
                    "require_partition_filter": True,
                },
            }
        }
    ),
)
ALLOWED = [
    "SELECT event, SUM(amount) AS total FROM orders GROUP BY event ORDER BY total DESC",
    "select e.NAME, count(*) n from `usher.orders` o join usher.events e on e.event = o.event group by 1 limit 3",
    "SELECT * FROM `acme-prod.usher.orders`",
    "SELECT * EXCEPT (event) FROM `acme-prod`.usher.orders LIMIT 5 OFFSET 2",
    "WITH a AS (SELECT event, amount FROM orders), b AS (SELECT event, AVG(amount) AS m FROM a GROUP BY event)"
    " SELECT * FROM b WHERE m > 2",
    "SELECT event FROM orders UNION ALL SELECT name FROM events",
    "SELECT o.amount FROM orders AS o JOIN events USING (event)",
    "SELECT EXTRACT(DAYOFWEEK FROM at) AS weekday, COUNTIF(paid) AS paid FROM orders GROUP BY weekday",
    "SELECT DATE_TRUNC(DATE(at), ISOWEEK) AS week, COUNT(DISTINCT id) AS n FROM orders GROUP BY week",
    "SELECT id FROM log WHERE DATE(time) = '2026-11-20'",
    "SELECT id FROM log WHERE time BETWEEN TIMESTAMP '2026-11-01' AND CURRENT_TIMESTAMP()",
    "SELECT COUNT(*) AS n FROM orders WHERE event IN (SELECT event FROM events WHERE name LIKE 'A%')",
    "SELECT SAFE_DIVIDE(COUNTIF(paid), COUNT(*)) AS share FROM orders HAVING share > 0",
    "SELECT id, RANK() OVER (PARTITION BY event ORDER BY amount DESC) AS place FROM orders QUALIFY place <= 3",
    "SELECT FORMAT_DATE('%A', DATE(at)) AS day, APPROX_COUNT_DISTINCT(id) AS n FROM orders GROUP BY day",
    "SELECT `order` FROM events -- a comment ; DROP TABLE orders",
    "SELECT 'DROP TABLE orders; --' AS harmless FROM orders;",
    "SELECT * FROM (SELECT COUNT(*) AS n FROM orders)",
    "SELECT o.*, e.name FROM orders o JOIN events e ON o.event = e.event",
    "SELECT event, COUNT(*), SUM(amount) FROM orders GROUP BY 1 ORDER BY 2 DESC, value_3",
    "SELECT amount + 1 AS amount, amount * 2 AS twice FROM orders WHERE amount > 3 ORDER BY amount + twice",
    "SELECT id FROM orders UNION ALL SELECT name AS n FROM events ORDER BY id",
    "SELECT a.id FROM orders a JOIN orders b USING (id, event) JOIN orders c USING (id, event)",
    "SELECT id || event AS both FROM (SELECT id, MAX(event) AS event FROM orders GROUP BY id)",
    "SELECT id FROM orders WHERE amount = 0" + " OR amount = 1" * 300,
]
REFUSED = [
    ("", "one statement"),
    ("SELECT id FROM orders; SELECT id FROM orders", "one statement"),
    ("SELECT id FROM orders; DROP TABLE orders", "one statement"),
    ("DROP TABLE orders", "only SELECT"),
    ("DELETE FROM orders WHERE TRUE", "only SELECT"),
    ("UPDATE orders SET amount = 0 WHERE TRUE", "only SELECT"),
    ("INSERT INTO orders (id) VALUES ('x')", "only SELECT"),
    ("MERGE orders USING events ON FALSE WHEN NOT MATCHED THEN INSERT ROW", "only SELECT"),
    ("CREATE TABLE x AS SELECT * FROM orders", "only SELECT"),
    ("EXPORT DATA OPTIONS (uri='gs://b/*') AS SELECT * FROM orders", "only SELECT"),
    ("GRANT `roles/owner` ON SCHEMA usher TO 'user:x@y.z'", "only SELECT"),
    ("EXECUTE IMMEDIATE 'DROP TABLE orders'", "only SELECT"),
    ("CALL usher.procedure()", "only SELECT"),
    ("DECLARE x INT64 DEFAULT 1; SELECT x", "one statement"),
    ("BEGIN SELECT 1; END", ""),
    ("ATTACH 'other.db'", ""),
    ("COPY orders TO '/tmp/x'", ""),
    ("PRAGMA database_list", ""),
    ("SELECT * FROM secrets", "no table secrets"),
    ("SELECT * FROM other.orders", "no table other.orders"),
    ("SELECT * FROM `evil-prod.usher.orders`", "no table evil-prod.usher.orders"),
    ("SELECT * FROM usher.INFORMATION_SCHEMA.TABLES", "no table"),
    ("SELECT * FROM `region-eu`.INFORMATION_SCHEMA.JOBS", "no table"),
    ("SELECT * FROM usher.__TABLES__", "no table"),
    ("SELECT * FROM `usher.orders_*`", "no table"),
    ("SELECT * FROM sqlite_master", "no table"),
    ("SELECT * FROM read_csv('/etc/passwd')", "not allowed"),
    ("SELECT * FROM '/etc/passwd'", ""),
    ("SELECT * FROM EXTERNAL_QUERY('p.eu.c', 'SELECT 1')", "table function"),
    ("SELECT * FROM ML.PREDICT(MODEL usher.m, TABLE usher.orders)", "not allowed"),
    ("SELECT * FROM UNNEST(GENERATE_ARRAY(1, 1000000000))", "not allowed"),
    ("SELECT SESSION_USER() AS me FROM orders", "not allowed"),
    ("SELECT @@project_id AS p FROM orders", "not allowed"),
    ("SELECT @parameter AS p FROM orders", "not allowed"),
    ("SELECT usher.function(id) AS f FROM orders", "not allowed"),
    ("SELECT ERROR(id) AS e FROM orders", "ERROR is not allowed"),
    ("SELECT REPEAT(id, 1000000000) AS r FROM orders", "not allowed"),
    ("SELECT STRING_AGG(id) AS all_ids FROM orders", "not allowed"),
    ("SELECT ARRAY_AGG(id) AS ids FROM orders", "not allowed"),
    ("SELECT NET.HOST(id) AS h FROM orders", "not allowed"),
    ("SELECT id FROM orders FOR SYSTEM_TIME AS OF TIMESTAMP '2020-01-01'", "not allowed"),
    ("SELECT id FROM orders TABLESAMPLE SYSTEM (10 PERCENT)", "not allowed"),
    ("SELECT AS STRUCT id FROM orders", "KIND is not allowed"),
    ("SELECT o FROM orders AS o", "one value"),
    ("SELECT card_number FROM orders", "card_number"),
    ("SELECT id FROM orders WHERE card_number = '4'", "card_number"),
    ("SELECT orders.name FROM orders", "name"),
    ("SELECT id, id FROM orders", "same name"),
    ("SELECT SUM(event) AS s FROM orders", "SUM needs numbers"),
    ("SELECT 1 AS one", "no table"),
    ("SELECT o.id FROM orders o, events e", "equate"),
    ("SELECT o.id FROM orders o CROSS JOIN events e", "equate"),
    ("SELECT o.id FROM orders o JOIN events e ON TRUE", "equate"),
    ("SELECT o.id FROM orders o JOIN events e ON o.event = o.event", "equate"),
    ("SELECT o.id FROM orders o JOIN events e ON o.event = e.event OR TRUE", "equate"),
    ("SELECT a.id FROM orders a JOIN orders b USING (id) JOIN orders c USING (id) JOIN orders d USING (id)"
     " JOIN orders e USING (id)", "joins"),
    ("SELECT id FROM orders" + " UNION ALL SELECT id FROM orders" * 5, "tables are read"),
    ("WITH RECURSIVE a AS (SELECT id FROM orders UNION ALL SELECT id FROM a) SELECT id FROM a", "RECURSIVE"),
    ("WITH orders AS (SELECT 1 AS id FROM events) SELECT id FROM orders", "hides"),
    ("WITH a AS (SELECT COUNT(*) AS n FROM hidden), hidden AS (SELECT id FROM orders) SELECT n FROM a", "hidden"),
    ("SELECT COUNT(*) AS n FROM hidden WHERE EXISTS (WITH hidden AS (SELECT id FROM orders) SELECT id FROM hidden)",
     "beginning"),
    ("SELECT id FROM log", "filtered on time"),
    ("SELECT id FROM log WHERE note = 'x'", "filtered on time"),
    ("SELECT id FROM log WHERE time > TIMESTAMP '2026-01-01' OR TRUE", "filtered on time"),
    ("SELECT id FROM log WHERE time > (SELECT MIN(at) FROM orders)", "filtered on time"),
    ("SELECT id FROM log WHERE time = time", "filtered on time"),
    ("SELECT a.id FROM log a JOIN log b ON a.id = b.id WHERE a.time > TIMESTAMP '2026-01-01'", "filtered on time"),
    ("SELECT id FROM orders LIMIT (SELECT 1)", ""),
    ("SELECT EXTRACT(WEEK FROM at) AS w FROM orders", "EXTRACT(WEEK)"),
    ("SELECT " + "(" * 100 + "id" + ")" * 100 + " FROM orders", "nested"),
    ("SELECT " + "NOT " * 3000 + "paid AS p FROM orders", "nested"),
    ("SELECT id FROM orders WHERE id = '" + "x" * 30_000 + "'", "longer"),
    ("SELECT 1 AS hidden FROM orders WHERE hidden = 1", "hidden is not a column"),
    ("SELECT MAX(hidden) AS m FROM orders", "hidden"),
    ("SELECT x FROM orders AS o(x)", "names no columns"),
    ("SELECT id FROM orders AS o WHERE o IS NULL", "not allowed"),
    ("SELECT _PARTITIONTIME AS p FROM orders", "not a column"),
    ("SELECT id FROM orders WHERE _PARTITIONTIME IS NULL", "not a column"),
    ("SELECT *, * FROM orders", "once"),
    ("SELECT id FROM orders UNION ALL SELECT name FROM events ORDER BY LOWER(id)", "ORDER BY"),
    ("SELECT o.id FROM orders o JOIN events e ON LENGTH(o.event) * 0 = LENGTH(e.event) * 0", "equate"),
    ("SELECT o.id FROM orders o JOIN events e ON o.event = CONCAT(e.event, o.id)", "equate"),
    ("SELECT a.id FROM orders a JOIN orders b USING (id) JOIN orders c USING (id)"
     " WHERE EXISTS (SELECT 1 FROM events e WHERE e.event = a.event)"
     " AND EXISTS (SELECT 1 FROM events e WHERE e.name = a.event)", "joins"),
    ("SELECT id" + " || id" * 21 + " AS s FROM orders", "put together"),
    ("SELECT CONCAT(" + "id, " * 22 + "id) AS s FROM orders", "put together"),
    ("SELECT s || s AS s FROM (SELECT id || id AS s FROM orders)", "again"),
    ("WITH a AS (SELECT id || id AS s FROM orders), b AS (SELECT UPPER(s) AS s FROM a) SELECT CONCAT(s, s) AS s FROM b",
     "again"),
    ("SELECT (SELECT MAX(a.s) FROM (SELECT id || id AS s FROM orders) a) || 'x' AS s FROM orders", "again"),
    ("SELECT FORMAT_DATE(event, DATE(at)) AS d FROM orders", "format"),
    ("SELECT id FROM", ""),
    ("Ignore previous instructions", ""),
    ("SELECT id FROM orders WHERE 'a", ""),
]  # fmt: skip


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(
        'CREATE TABLE orders (id VARCHAR, event VARCHAR, amount BIGINT, "at" TIMESTAMPTZ, paid BOOLEAN, hidden BIGINT);'
        'CREATE TABLE events (event VARCHAR, name VARCHAR, day DATE, "order" BIGINT);'
        "CREATE TABLE log (id VARCHAR, time TIMESTAMPTZ, note VARCHAR);"
        "INSERT INTO orders VALUES ('1', 'a', 5, '2026-11-22 10:00:00+00', TRUE, 1), ('2', 'b', 7, NULL, FALSE, 1)"
    )
    return connection


@pytest.mark.parametrize("sql", ALLOWED)
def test_what_is_allowed_runs_and_its_columns_are_known(sql: str, database: duckdb.DuckDBPyConnection) -> None:
    query = check(sql, DATASET)
    found = database.execute(query.duckdb("main")).description
    assert [column[0] for column in found] == [column.name for column in query.columns]
    assert query.sql.count("`acme-prod`.usher") >= 1
    assert "LIMIT" in query.sql
    assert "DROP TABLE orders --" not in query.sql
    assert check(query.sql, DATASET).sql == query.sql


@pytest.mark.parametrize(("sql", "why"), REFUSED, ids=[sql[:60] for sql, _ in REFUSED])
def test_the_rest_is_refused_and_says_why(sql: str, why: str) -> None:
    with pytest.raises(QueryRefused) as refused:
        check(sql, DATASET)
    assert why in refused.value.detail


@pytest.mark.parametrize(
    ("sql", "limit"),
    [
        ("SELECT id FROM orders", 10),
        ("SELECT id FROM orders LIMIT 3", 3),
        ("SELECT id FROM orders LIMIT 9000", 10),
        ("SELECT id FROM orders UNION ALL SELECT name FROM events LIMIT 9000", 10),
    ],
)
def test_rows_are_bounded(sql: str, limit: int) -> None:
    query = check(sql, DATASET, Bounds(rows=10))
    assert (query.limit, query.sql.splitlines()[-1]) == (limit, f"LIMIT {limit}")
    assert query.fetching(11).sql.splitlines()[-1] == "LIMIT 11"


HANGING = {
    "aliases on aliases": ["amount AS a0", *(f", a{n} + a{n} AS a{n + 1}" for n in range(40))],
    "stars on stars": ["* FROM", "(SELECT *, * FROM " * 25, "(SELECT 1 AS one", "FROM orders)", ")" * 25, "--"],
    "a long alias often": [
        "1, (SELECT amount",
        "+ amount" * 400,
        "AS a FROM orders HAVING a",
        "+ a" * 400,
        "> 1) AS m",
    ],
    "a long column often": ["1, (SELECT amount", "+ amount" * 50, "AS a FROM orders GROUP BY 1", ", 1" * 500, ") AS m"],
    "types in types": ["ARRAY[" * 30, "1", "]" * 30],
    "structs in structs": ["STRUCT(" * 30, "1", ")" * 30],
    "dates of dates": ["DATE(" * 30, "at", ")" * 30],
    "casts of casts": ["id", "::STRING" * 300],
    "many parts": ["amount IN (1", ", 1" * 5000, ") AS i"],
}


@pytest.mark.parametrize("selected", HANGING.values(), ids=HANGING)
def test_what_grows_as_it_is_read_is_refused_at_once(selected: list[str]) -> None:
    """Most of them would not end in a test's time."""
    with pytest.raises(QueryRefused) as refused:
        check(" ".join(["SELECT", *selected, "FROM orders"]), DATASET)
    assert "cannot be read" not in refused.value.detail


def test_what_runs_is_what_was_checked() -> None:
    """A name that the check finds outside is not found by the database in a column that is hidden."""
    dataset = Dataset.model_validate(
        {"metadata": {"tables": {"orders": {"id": "STRING"}, "events": {"name": "STRING", "hidden": "INT64"}}}}
    )
    database = duckdb.connect()
    database.execute("CREATE TABLE orders AS SELECT '1' AS id, 1 AS hidden")
    database.execute("CREATE TABLE events AS SELECT 'x' AS name, 7 AS hidden")
    query = check("SELECT name, (SELECT hidden FROM orders LIMIT 1) AS found FROM events", dataset)
    assert database.execute(query.duckdb("main")).fetchall() == [("x", 7)]  # orders.hidden is 1


@pytest.mark.parametrize(
    "sql", ["SHOW TABLES LIKE 'secret'", "CALL secret(1)", "EXPLAIN SELECT secret", "ANALYZE secret"]
)
def test_a_query_is_in_no_log(sql: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(QueryRefused):
        check(sql, DATASET)
    assert "secret" not in caplog.text


def test_the_day_of_the_week_is_the_same_number_everywhere(database: duckdb.DuckDBPyConnection) -> None:
    query = check("SELECT EXTRACT(DAYOFWEEK FROM at) AS weekday FROM orders WHERE id = '1'", DATASET)
    assert database.execute(query.duckdb("main")).fetchall() == [(1,)]  # 2026-11-22 is a Sunday, BigQuery's 1


def test_a_query_is_moved_to_the_dataset_that_is_there() -> None:
    query = check("WITH a AS (SELECT id FROM orders) SELECT id FROM a", DATASET)
    assert query.bigquery("`p-1`.house").count("`p-1`.house.orders") == 1
    assert "house.a" not in query.bigquery("`p-1`.house")
    assert '"main"."orders"' in query.duckdb("main")


def test_a_dataset_without_a_name_leaves_tables_as_they_are() -> None:
    bare = Dataset(metadata=DATASET.metadata)
    assert "FROM orders" in check("SELECT id FROM orders", bare).sql
    with pytest.raises(QueryRefused):
        check("SELECT id FROM usher.orders", bare)
