/**
 * DuckDB behind a small interface: an engine, its sessions, the rows of a query as addresses of
 * vectors, and the SQL expressions of the user.
 */
@NullMarked
package io.lastmile.query;

import org.jspecify.annotations.NullMarked;
