/** Starts, watches and ends the ranks of a job. Knows processes and ranks, never columns. */
@NullMarked
package io.lastmile.launch;

import org.jspecify.annotations.NullMarked;
