/** The record of a run: what was run, what happened, how it ended. */
@NullMarked
package io.lastmile.run;

import org.jspecify.annotations.NullMarked;
