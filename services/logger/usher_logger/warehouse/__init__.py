"""The warehouse: its port, its tables and the SQL (BigQuery dialect) that every adapter runs."""
