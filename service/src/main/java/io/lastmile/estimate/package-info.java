/** How much a dataset will give, and how fast: estimated from some of its row groups. */
@NullMarked
package io.lastmile.estimate;

import org.jspecify.annotations.NullMarked;
