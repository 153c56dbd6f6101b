package io.lastmile.source;

import io.lastmile.query.ColumnType;
import org.jspecify.annotations.Nullable;

/**
 * A column of a table.
 *
 * @param type as the engine reads it; a list of a fixed length is an ordinary list to it
 * @param fixedLength of each list of the column, where the writer said so (Arrow's fixed_size_list)
 */
public record TableColumn(String name, ColumnType type, @Nullable Integer fixedLength) {}
