/** Writes the rows of an epoch to a folder of Parquet files, whole or not at all. */
@NullMarked
package io.lastmile.write;

import org.jspecify.annotations.NullMarked;
