/**
 * Rows as tensors: where each tensor lies in memory, and the one copy from the query's vectors into
 * it.
 */
@NullMarked
package io.lastmile.batch;

import org.jspecify.annotations.NullMarked;
