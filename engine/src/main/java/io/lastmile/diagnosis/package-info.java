/** Why the rows of a split cannot be had: what cannot be read, which row fails, and where. */
@NullMarked
package io.lastmile.diagnosis;

import org.jspecify.annotations.NullMarked;
