"""What every rank must receive, computed another way: pyarrow, numpy and plain Python only.

Nothing here comes from the engine or uses DuckDB. The rules are those of docs/guarantees.md.
"""
