/** Which rows of the source a step was made of, and what became of a row: from counts alone. */
@NullMarked
package io.lastmile.trace;

import org.jspecify.annotations.NullMarked;
