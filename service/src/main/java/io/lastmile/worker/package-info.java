/** Runs splits: queries, staging, and what becomes of rows that cannot be read. */
@NullMarked
package io.lastmile.worker;

import org.jspecify.annotations.NullMarked;
