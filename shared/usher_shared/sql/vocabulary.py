"""What a query may be made of: kinds of node, functions among them. What is not named here is refused.

Nothing here reads another place, runs long for a short text, or makes much of little (REPEAT, GENERATE_ARRAY).
"""

from __future__ import annotations

from sqlglot import exp

STRUCTURE = frozenset(
    {
        exp.Select, exp.Subquery, exp.Union, exp.Except, exp.Intersect, exp.With, exp.CTE, exp.From, exp.Join,
        exp.Where, exp.Group, exp.Having, exp.Qualify, exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Distinct,
        exp.Table, exp.TableAlias, exp.Identifier, exp.Column, exp.Alias, exp.Star, exp.Paren, exp.Tuple, exp.Window,
        exp.WindowSpec, exp.WeekStart, exp.Var, exp.Literal, exp.RawString, exp.Boolean, exp.Null, exp.DataType,
        exp.Interval, exp.JSONPath, exp.JSONPathRoot, exp.JSONPathKey, exp.JSONPathSubscript,
    }
)  # fmt: skip
OPERATORS = frozenset(
    {
        exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.GT, exp.GTE, exp.LT, exp.LTE,
        exp.Is, exp.In, exp.Between, exp.Like, exp.Exists, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod,
        exp.Neg, exp.DPipe, exp.Case, exp.If,
    }
)  # fmt: skip
AGGREGATES = frozenset(
    {
        exp.Count, exp.CountIf, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.ApproxDistinct, exp.AnyValue, exp.LogicalAnd,
        exp.LogicalOr, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr,
    }
)  # fmt: skip
FUNCTIONS = frozenset(
    {
        exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue,
        exp.LastValue, exp.PercentileCont, exp.PercentileDisc, exp.RespectNulls, exp.IgnoreNulls,
        exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Cast, exp.TryCast, exp.SafeDivide, exp.Abs, exp.Round,
        exp.Floor, exp.Ceil, exp.Sign, exp.Sqrt, exp.Ln, exp.Log, exp.Exp,
        exp.Lower, exp.Upper, exp.Trim, exp.Length, exp.Substring, exp.Left, exp.Right, exp.Concat, exp.StartsWith,
        exp.EndsWith, exp.StrPosition, exp.RegexpLike, exp.JSONExtractScalar, exp.JSONExtract,
        exp.Date, exp.Timestamp, exp.Extract, exp.DateTrunc, exp.TimestampTrunc, exp.DatetimeTrunc, exp.DateAdd,
        exp.DateSub, exp.DateDiff, exp.TimestampAdd, exp.TimestampSub, exp.TimestampDiff, exp.DatetimeAdd,
        exp.DatetimeSub, exp.DatetimeDiff, exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentDatetime, exp.TimeToStr,
        exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.TsOrDsToDatetime, exp.LastDay,
    }
)  # fmt: skip
ALLOWED = STRUCTURE | OPERATORS | AGGREGATES | FUNCTIONS

# parts of a node that carry meaning beside its children: any other that is set is refused
SELECT_PARTS = frozenset(
    {"with_", "expressions", "distinct", "from_", "joins", "where", "group", "having", "qualify", "order", "limit"}
    | {"offset", "laterals"}
)
TABLE_PARTS = frozenset({"this", "alias", "db", "catalog"})
JOIN_PARTS = frozenset({"this", "on", "side", "kind", "using"})
# EXTRACT's parts, each with DuckDB's expression of it over the part that DuckDB knows
DATE_PARTS = {
    "YEAR": "YEAR",
    "ISOYEAR": "ISOYEAR",
    "QUARTER": "QUARTER",
    "MONTH": "MONTH",
    "ISOWEEK": "WEEK",
    "DAY": "DAY",
    "DAYOFYEAR": "DOY",
    "DAYOFWEEK": "DOW",  # BigQuery counts Sunday as 1, DuckDB as 0
    "HOUR": "HOUR",
    "MINUTE": "MINUTE",
    "SECOND": "SECOND",
}
