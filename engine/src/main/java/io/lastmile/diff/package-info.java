/** How two variations of a dataset differ in effect: rows, labels, weights, values. */
@NullMarked
package io.lastmile.diff;

import org.jspecify.annotations.NullMarked;
